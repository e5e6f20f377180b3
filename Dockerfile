# The build stage has pip and the network; the final image gets one folder from it.
FROM python:3.14-slim AS build
WORKDIR /build

# The dependencies first: they change less often than the code, and their layer is kept.
COPY requirements.lock .
RUN python -m venv --without-pip /opt/poolscope \
  && python -m pip --python /opt/poolscope/bin/python install --no-cache-dir --require-hashes -r requirements.lock

# With --build-arg CLUSTER=true also dask, loky and joblib, for the workers of a cluster and who measures them.
ARG CLUSTER=""
COPY requirements-cluster.lock .
RUN [ -z "$CLUSTER" ] \
  || python -m pip --python /opt/poolscope/bin/python install --no-cache-dir --require-hashes -r requirements-cluster.lock

# What is only there to test or to compile against the dependencies stays behind. NumPy's own testing module, which SciPy
# imports, reads its tests' folder.
RUN find /opt/poolscope/lib -type d \( -name tests -o -name test -o -name include \) \
    -not -path '*/numpy/_core/tests' -prune -exec rm -r {} +

# The list of what is inside, made by a tool with an environment of its own.
COPY .ci/sbom.lock .ci/
RUN python -m venv --without-pip /opt/sbom \
  && python -m pip --python /opt/sbom/bin/python install --no-cache-dir --require-hashes -r .ci/sbom.lock

COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir dist . \
  && python -m pip --python /opt/poolscope/bin/python install --no-cache-dir --no-deps dist/*.whl \
  && /opt/sbom/bin/cyclonedx-py environment --output-reproducible --output-file /opt/poolscope/sbom.cdx.json \
    /opt/poolscope/bin/python


FROM python:3.14-slim

ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="Poolscope" \
  org.opencontainers.image.description="Watch real threads and process pools at work, and measure them honestly, in the browser" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION" \
  org.opencontainers.image.base.name="docker.io/library/python:3.14-slim"

# Nothing is installed from here on, so pip goes as well. The data folder is made here because an empty volume takes its
# owner from the image.
RUN python -m pip uninstall --yes --root-user-action ignore pip \
  && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin poolscope \
  && install --directory --owner 10001 --group 10001 /data

COPY --from=build /opt/poolscope /opt/poolscope

# PYTHONMALLOC is for the server alone, which so gives back the memory of a crowd of viewers; its runs are without it.
# It listens on all of the container's addresses, and where its port is published is not known here. So it needs a token, which
# the log shows, unless POOLSCOPE_DEMO or POOLSCOPE_INSECURE is set.
ENV PATH=/opt/poolscope/bin:$PATH \
  PYTHONMALLOC=malloc \
  PYTHONUNBUFFERED=1 \
  POOLSCOPE_DATA=/data \
  POOLSCOPE_TOKEN=auto
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000

# Asks by no host's name and with no token: this path is open to all. A proxy in the environment is not asked either.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["python", "-c", "import http.client, os, sys; asked = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('POOLSCOPE_PORT', 8000)), timeout=3); asked.request('GET', '/healthz'); sys.exit(asked.getresponse().status != 200)"]

CMD ["poolscope", "serve", "--host", "0.0.0.0", "--no-open"]
