# syntax=docker/dockerfile:1
# One image for every part: worker, dashboard, paper exchange. docs/docker.md says how to use it.
FROM python:3.11.13-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build

# The dependencies first: they change less often than the code. Every file's hash is checked.
COPY requirements-image.lock ./
RUN python -m venv --without-pip /opt/volgamma \
    && python -m pip --python /opt/volgamma/bin/python install --require-hashes -r requirements-image.lock

COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY traders ./traders
COPY data_fetchers ./data_fetchers
COPY indicators ./indicators
COPY prompts ./prompts
COPY db ./db
COPY orchestrator ./orchestrator
# docker build --build-arg VOLGAMMA_BUILD_COMMIT=$(git rev-parse HEAD): the journal then names the commit
ARG VOLGAMMA_BUILD_COMMIT=""
# The builder goes again.
RUN python -m pip --python /opt/volgamma/bin/python install --no-deps --no-build-isolation . \
    && python -m pip --python /opt/volgamma/bin/python uninstall --yes hatchling pathspec pluggy trove-classifiers


FROM python:3.11.13-slim-bookworm

RUN groupadd --system --gid 10001 volgamma \
    && useradd --system --uid 10001 --gid 10001 --home-dir /data --shell /usr/sbin/nologin volgamma \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/volgamma /opt/volgamma

ENV PATH=/opt/volgamma/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VOLGAMMA_DATA_DIR=/data \
    VOLGAMMA_LOG_FORMAT=json
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]

HEALTHCHECK --interval=60s --timeout=30s --start-period=60s --retries=3 CMD ["volgamma", "doctor", "--offline"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["volgamma"]
CMD ["--help"]
