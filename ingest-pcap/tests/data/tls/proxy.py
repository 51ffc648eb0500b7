"""proxy.py PORT BROKER-PORT CERTIFICATE KEY KEY-LOG SUITE: ends TLS with OpenSSL before a plain listener: TLS 1.2,
and with ALL as suites 1.3 too."""

import socket
import ssl
import sys
import threading

port, broker, certificate, key, log, suite = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
if not suite.startswith("ALL"):
    context.maximum_version = ssl.TLSVersion.TLSv1_2
context.set_ciphers(suite + ":@SECLEVEL=0")
context.load_cert_chain(certificate, key)
context.load_dh_params("dh.pem")
context.keylog_filename = log


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


server = socket.create_server(("127.0.0.1", int(port)))
while True:
    client, _ = server.accept()
    try:
        client = context.wrap_socket(client, server_side=True)
    except OSError:
        continue
    plain = socket.create_connection(("127.0.0.1", int(broker)))
    for pair in ((client, plain), (plain, client)):
        threading.Thread(target=copy, args=pair, daemon=True).start()
