"""turbovec: TurboQuant, every vector rotated and stored in 4 or 2 bits a component, scanned whole.
`turbovec_engine.py 4|2`: how many bits."""

import importlib.metadata
import os
import sys

import numpy as np
from turbovec import IdMapIndex

from membench_engine import Engine, batches, normalised, serve


class Turbovec(Engine):
    version = f"turbovec {importlib.metadata.version('turbovec')}"
    # It scores by the inner product.
    distances = ["cosine", "ip"]
    can = ["insert", "delete", "filter", "save"]

    def __init__(self, bits):
        self.bits = bits

    def build(self, vectors, spec):
        self.spec = spec
        self.index = IdMapIndex(dim=spec["dim"], bit_width=self.bits)
        for first, batch in batches(vectors, spec):
            self.insert(np.arange(first, first + len(batch)), batch)

    def prepared(self, vectors):
        return normalised(vectors) if self.spec["distance"] == "cosine" else vectors

    def insert(self, ids, vectors):
        self.index.add_with_ids(self.prepared(vectors), ids.astype(np.uint64))

    def delete(self, ids):
        for i in ids.tolist():
            self.index.remove(i)

    def count(self):
        return len(self.index)

    def search(self, query, k, allowed):
        among = None if allowed is None else allowed.astype(np.uint64)
        scores, ids = self.index.search(self.prepared(query), k, allowlist=among)
        return ids[0], 1 - scores[0]

    def save(self, folder):
        self.index.write(os.path.join(folder, "index.tvim"))

    def drop(self):
        self.index = None


serve(Turbovec(int(sys.argv[1])))
