# The same steps as scripts/run.sh, in two stages; the packages of both come from scripts/packages.txt.
#   docker build -t lectern .
#   docker run -p 8080:8080 -v lectern:/data -e LECTERN_REDIS_URL=redis://… lectern
# compose.yaml starts it together with a Redis.

FROM debian:12 AS build
WORKDIR /src
COPY scripts/packages.txt scripts/
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        $(awk '$1 == "build" { sub(/\|.*/, "", $2); print $2 }' scripts/packages.txt) \
    && rm -rf /var/lib/apt/lists/*
COPY .npmrc package.json package-lock.json ./
RUN npm ci --include=dev --no-audit --no-fund
COPY . .
RUN make -j "$(nproc)" && npm run --silent build

FROM debian:12
COPY scripts/packages.txt /tmp/
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        $(awk '$1 == "image" { sub(/\|.*/, "", $2); print $2 }' /tmp/packages.txt) \
    && rm -rf /var/lib/apt/lists/* /tmp/packages.txt \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin lectern \
    && install -d -m 700 -o lectern -g lectern /data
COPY --from=build /src/build/lectern /opt/lectern/
COPY --from=build /src/build/web /opt/lectern/web/
COPY scripts/healthcheck.sh /opt/lectern/
# SQLite's temporary files: the rest of the image may be read-only.
ENV PATH=/opt/lectern:$PATH \
    SQLITE_TMPDIR=/data \
    LECTERN_DATA_DIR=/data \
    LECTERN_LISTEN=0.0.0.0:8080
USER lectern
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s CMD ["healthcheck.sh"]
ENTRYPOINT ["lectern"]
