"""A proxy that records every exchange: recorder.py UPSTREAM FILE. It prints its own URL once it listens."""

import http.client
import http.server
import json
import sys
import threading
import urllib.parse

UPSTREAM, FILE = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2]
LOCK = threading.Lock()
# The headers that belong to a connection, not to an exchange.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def exchange(self):
        request = self.rfile.read(int(self.headers.get("content-length", 0)))
        connection = http.client.HTTPConnection(UPSTREAM.netloc, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        connection.request(self.command, self.path, request, headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        headers = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP]
        self.record(request, response.status, headers, body)
        self.send_response_only(response.status)
        for name, value in headers:
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = do_PUT = exchange

    def record(self, request, status, headers, body):
        line = json.dumps({
            "method": self.command,
            "target": self.path,
            "request": request.decode(errors="surrogateescape"),
            "status": status,
            "headers": {name.lower(): value for name, value in headers},
            "body": body.decode(errors="surrogateescape"),
        })
        with LOCK, open(FILE, "a", encoding="ascii") as file:
            file.write(line + "\n")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
