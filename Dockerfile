FROM rust:1.95-slim-bookworm AS build
# cmake, make and g++ build aws-lc, the cryptography under TLS.
RUN apt-get update && apt-get install --yes --no-install-recommends cmake g++ make && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# The queries were checked against the schema when .sqlx/ was written; a build needs no database.
ENV SQLX_OFFLINE=true
RUN cargo build --release --locked --bin streamcat-operator

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /source/target/release/streamcat-operator /usr/local/bin/streamcat-operator
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/streamcat-operator"]
