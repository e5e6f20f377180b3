# The build stage has pip and the network; the final image gets one folder from it.
FROM python:3.14-slim AS build
WORKDIR /build

# The dependencies first: they change less often than the code, and their layer is kept.
COPY requirements.lock .
RUN python -m venv --without-pip /opt/poolscope \
  && python -m pip --python /opt/poolscope/bin/python install --no-cache-dir --require-hashes -r requirements.lock

COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir dist . \
  && python -m pip --python /opt/poolscope/bin/python install --no-cache-dir --no-deps dist/*.whl


FROM python:3.14-slim

# Nothing is installed from here on, so pip goes as well. The data folder is made here because an empty volume takes its
# owner from the image.
RUN python -m pip uninstall --yes --root-user-action ignore pip \
  && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin poolscope \
  && install --directory --owner 10001 --group 10001 /data

COPY --from=build /opt/poolscope /opt/poolscope

# It listens on all of the container's addresses, and where its port is published is not known here. So it needs a token, which
# the log shows, unless POOLSCOPE_DEMO or POOLSCOPE_INSECURE is set.
ENV PATH=/opt/poolscope/bin:$PATH \
  PYTHONUNBUFFERED=1 \
  POOLSCOPE_DATA=/data \
  POOLSCOPE_TOKEN=auto
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ.get(\"POOLSCOPE_PORT\", 8000)}/healthz', timeout=3)"]

CMD ["poolscope", "serve", "--host", "0.0.0.0", "--no-open"]
