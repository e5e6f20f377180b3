"""The libraries that compute in threads of their own: by which file one is known, and which variable limits it."""

from __future__ import annotations

from poolscope.protocol.frozen import frozen


@frozen
class NativeLibrary:
    """`path` is a part of its file's path (a regular expression), `variable` the environment's limit of its threads.

    A library reads the variable once, when it is loaded.
    """

    path: str
    variable: str


LIBRARIES = {
    "OpenBLAS": NativeLibrary(r"/lib(scipy_)?openblas", "OPENBLAS_NUM_THREADS"),
    "MKL": NativeLibrary(r"/libmkl_(rt|core|intel_thread|gnu_thread)", "MKL_NUM_THREADS"),
    "BLIS": NativeLibrary(r"/lib(blis|flame)", "BLIS_NUM_THREADS"),
    "OpenMP": NativeLibrary(r"/lib(gomp|iomp5|omp)[-.]", "OMP_NUM_THREADS"),
    "Accelerate": NativeLibrary(r"/lib(vecLib|BLAS)\.", "VECLIB_MAXIMUM_THREADS"),
    "NumExpr": NativeLibrary(r"/numexpr/interpreter\.", "NUMEXPR_NUM_THREADS"),
}


def variables(threads: int) -> dict[str, str]:
    """The environment in which each of them starts so many threads."""
    return {library.variable: str(threads) for library in LIBRARIES.values()}
