#!/usr/bin/env bash
# argv: PORT NAME. A handshake by OpenSSL's own client; prints "accepted" or "refused: why".
set -euo pipefail
port=$1
name=$2
case $name in
    *[!0-9.]*) check=(-verify_hostname "$name" -servername "$name") ;;
    *) check=(-verify_ip "$name" -noservername) ;;
esac
if output=$(openssl s_client -connect "127.0.0.1:$port" "${check[@]}" -CAfile "$SSL_CERT_FILE" \
    -verify_return_error </dev/null 2>&1); then
    echo accepted
else
    echo "refused: $(grep -m 1 -i 'verify error' <<<"$output" || tail -n 1 <<<"$output")"
fi
