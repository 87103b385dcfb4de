FROM rust:1.95-slim-bookworm AS build
# cmake, make and g++ build aws-lc, the cryptography under TLS.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates cmake g++ make && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# The queries were checked against the schema when .sqlx/ was written; a build needs no database.
ENV SQLX_OFFLINE=true
RUN cargo build --release --locked --bin streamcat-operator
RUN testbed/image-files.sh "$PWD/target/release/streamcat-operator" /image

# The same image as that of `make image`.
FROM scratch
COPY --from=build /image/ /
LABEL org.opencontainers.image.title="streamcat-operator"
LABEL org.opencontainers.image.description="Kubernetes operator that provisions Amazon IVS channels, chat rooms, and stages"
LABEL org.opencontainers.image.licenses="Apache-2.0"
LABEL org.opencontainers.image.version="0.1.0"
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/streamcat-operator"]
