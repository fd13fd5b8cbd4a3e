# syntax=docker/dockerfile:1
# `posthorn`, the whole system in one process, for one machine. infra/deploy deploys it to AWS.
#
#   docker build -t posthorn .
#   docker run -d --name posthorn -p 127.0.0.1:8080:8080 -v posthorn-data:/data posthorn
#   docker logs posthorn        # the first start prints the admin key
#
# There is no HEALTHCHECK, because the image has no program that makes a request. Orchestrators can probe GET /healthz.

# The version in rust-toolchain.toml. That file is not in the build context: rustup would download its components.
ARG RUST_VERSION=1.95.0

# Both stages are Debian 13: a program that is linked against one glibc does not run with an older one.
FROM rust:${RUST_VERSION}-slim-trixie AS build
WORKDIR /src
COPY . .
# The image has gcc and libc6-dev, which ring, SQLite (bundled) and mimalloc are compiled with; nothing needs cmake,
# pkg-config or OpenSSL. The caches keep crates and compiled dependencies between builds, for each platform by itself.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/target,sharing=locked \
    target="/target/$(uname -m)" \
    && cargo build --release --locked -p posthorn --target-dir "$target" \
    && install -D "$target/release/posthorn" /out/posthorn \
    && install -d /out/data

FROM gcr.io/distroless/cc-debian13:nonroot
LABEL org.opencontainers.image.title="Posthorn" \
    org.opencontainers.image.description="Webhook delivery: the whole system in one process" \
    org.opencontainers.image.source="https://github.com/posthorn/posthorn" \
    org.opencontainers.image.vendor="The Posthorn authors" \
    org.opencontainers.image.licenses="Apache-2.0"
COPY LICENSE /usr/share/doc/posthorn/LICENSE
COPY --from=build /out/posthorn /usr/local/bin/posthorn
# A new volume gets the owner of this directory.
COPY --from=build --chown=65532:65532 /out/data /data
# The API listens on all addresses, so that its port can be published. Set POSTHORN_HOSTS to the names under which others
# reach it, such as the container's name. The AWS port stays inside the container: do not change its address. A comma
# alone allows no networks, because loopback, which is allowed by default, is the container itself. To deliver to other
# containers, set POSTHORN_ALLOWED_NETWORKS to their network.
ENV POSTHORN_DATA_DIR=/data \
    POSTHORN_LISTEN=0.0.0.0:8080 \
    POSTHORN_AWS_LISTEN=127.0.0.1:4566 \
    POSTHORN_ALLOWED_NETWORKS=,
VOLUME /data
EXPOSE 8080
# The user nonroot, as a number, which Kubernetes needs for runAsNonRoot.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/posthorn"]
