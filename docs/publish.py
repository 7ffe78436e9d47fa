#!/usr/bin/env python3
"""Sign events and publish them to a ledger, with nothing of Saksi's: the wire format is all there is to it.

    publish.py HOME FACILITY/RECORDER EVENTS.jsonl

HOME is an operator's home that has joined a ledger; each line of the file is an event with at least a type and data.
It needs Python 3.9 and the package cryptography. It keeps no outbox: a line is safe only when a receipt says so, and
nothing else may write for this recorder meanwhile."""
import base64, hashlib, json, os, secrets, socket, sys, urllib.parse
from datetime import datetime, timezone
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PAYLOAD_TYPE = "application/vnd.saksi.manifest.v1+json"

def compact(value): return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
def digest(data): return "sha256:" + hashlib.sha256(data).hexdigest()

class Nats:
    """The five verbs of the NATS protocol that a publisher needs."""
    def __init__(self, url, jwt, seed):
        at = urllib.parse.urlsplit(url)
        self.file = socket.create_connection((at.hostname, at.port or 4222), timeout=30).makefile("rwb")
        info = json.loads(self.file.readline().split(b" ", 1)[1])
        # An nkey seed is base32 of two bytes of prefix, 32 bytes of seed and two of checksum.
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
        signature = Ed25519PrivateKey.from_private_bytes(raw[2:34]).sign(info["nonce"].encode())
        self.inbox = "_INBOX." + secrets.token_hex(16)
        self.send(b"CONNECT " + compact({"jwt": jwt, "sig": base64.urlsafe_b64encode(signature).decode().rstrip("="), "verbose": False,
                                         "pedantic": False, "lang": "python", "version": "0", "protocol": 1, "name": "publish.py"}))
        self.send(b"SUB " + self.inbox.encode() + b" 1")
    def send(self, line, payload=None):
        self.file.write(line + b"\r\n" + (b"" if payload is None else payload + b"\r\n"))
        self.file.flush()
    def request(self, subject, payload):
        self.send(f"PUB {subject} {self.inbox} {len(payload)}".encode(), payload)
        while line := self.file.readline():
            if line.startswith(b"PING"): self.send(b"PONG")
            elif line.startswith(b"-ERR"): sys.exit("the broker refuses: " + line.decode().strip())
            elif line.startswith(b"MSG"): return json.loads(self.file.read(int(line.split()[-1]) + 2))
        sys.exit("the broker closed the connection")

def main(home, name, events_file):
    with open(os.path.join(home, "grant.json")) as f: grant = json.load(f)
    with open(os.path.join(home, "keys", "connection.nk")) as f: seed = f.read().strip()
    with open(os.path.join(home, "keys", "signing.pem"), "rb") as f: key = serialization.load_pem_private_key(f.read(), None)
    operator, recorder = grant["name"], grant["name"] + "/" + name
    nats = Nats(grant["nats"], grant["user"], seed)

    incarnation, first, previous, after = 1, 1, None, ""
    while True:  # where the recorder stands
        answer = nats.request(f"receipts.{operator}.head", compact({"v": 1, "after": after}))
        if answer.get("error"): sys.exit(answer["error"])
        for head in answer.get("heads", []):
            after = head["recorder"]
            if after == recorder: incarnation, first, previous = head["incarnation"], head["last"] + 1, head["manifest"]
        if not answer.get("more"): break

    lines = []
    with open(events_file, encoding="utf-8") as f:
        for text in filter(str.strip, f):
            event = {"specversion": "1.0", "id": secrets.token_hex(16), "source": "/" + recorder,
                     "time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "nonce": secrets.token_urlsafe(16)}
            lines.append(compact(event | json.loads(text)))
    manifest = {"v": 1, "recorder": recorder, "incarnation": incarnation, "first": first}
    if previous: manifest["previous"] = previous
    payload = compact(manifest | {"events": [digest(line) for line in lines]})
    # DSSE signs its pre-authentication encoding of type and payload.
    signature = key.sign(f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload)
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    line1 = {"payloadType": PAYLOAD_TYPE, "payload": base64.b64encode(payload).decode(),
             "signatures": [{"keyid": hashlib.sha256(spki).hexdigest(), "sig": base64.b64encode(signature).decode()}]}
    body = b"".join(line + b"\n" for line in [compact(line1), *lines])
    print(json.dumps(nats.request("events." + recorder.replace("/", "."), body)))

if __name__ == "__main__":
    if len(sys.argv) != 4: sys.exit(__doc__)
    main(*sys.argv[1:])
