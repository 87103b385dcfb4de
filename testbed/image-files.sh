#!/bin/sh
# Puts the files of the operator's image into a new directory, for the Dockerfile and for `testbed image`:
# the binary, the libraries that it loads, and the certificates of public certificate authorities.
# Usage: image-files.sh BINARY DIRECTORY
set -eu
binary=$1 directory=$2
mkdir "$directory"
cd "$directory"
mkdir -p etc/ssl/certs usr/local/bin
cp "$binary" usr/local/bin/streamcat-operator
# Debian's package ca-certificates. TLS to AWS and to PostgreSQL needs them.
cp -L /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/
# Without this file, the C library asks DNS for localhost first.
echo 'hosts: files dns' > etc/nsswitch.conf
chmod 755 usr/local/bin/streamcat-operator
ldd usr/local/bin/streamcat-operator | grep --only-matching '/[^ ]*' | while read -r library; do
    mkdir -p ".$(dirname "$library")"
    cp -L "$library" ".$library"
    chmod 755 ".$library"
done
