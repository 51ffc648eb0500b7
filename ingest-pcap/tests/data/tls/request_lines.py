"""Lines of a broker's request log in short: of each request of a listener's port its client, API, version,
correlation id, principal and total time in ms, and for Produce its topic-partitions."""

import json
import re
import sys

path, port = sys.argv[1:3]
for line in open(path, errors="replace"):
    match = re.search(r"Completed request:(\{.*\}) \(kafka", line)
    if not match:
        continue
    request = json.loads(match[1])
    server, client = request["connection"].rsplit("-", 1)[0].split("-")
    if not server.endswith(":" + port):
        continue
    header = request["requestHeader"]
    partitions = [
        f"{topic['name']}-{p['partitionIndex'] if 'partitionIndex' in p else p['index']}"
        for topic in request["request"].get("topicData", [])
        for p in topic.get("partitionData", topic.get("partitions", []))
    ]
    print(
        client,
        header["requestApiKeyName"],
        header["requestApiVersion"],
        header["correlationId"],
        request["principal"].split(":", 1)[1].replace(" ", ""),
        request["totalTimeMs"],
        *partitions,
    )
