"""LanceDB: a table in a folder. `lancedb_engine.py hnsw|hnsw-sq|flat`: HNSW over the vectors or over a byte a component,
or no index. Rows that come after the index are scanned."""

import importlib.metadata
import os
import sys
import tempfile

# Its own pool is as large as the machine otherwise.
os.environ.setdefault("LANCE_CPU_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))

import lancedb
import lancedb.index
import numpy as np
import pyarrow

from membench_engine import Engine, batches, folder_bytes, serve

DISTANCES = {"l2": "l2", "ip": "dot", "cosine": "cosine"}
INDEXES = {"hnsw": lancedb.index.HnswFlat, "hnsw-sq": lancedb.index.HnswSq}


class Lancedb(Engine):
    version = f"lancedb {importlib.metadata.version('lancedb')}"

    def __init__(self, kind):
        self.kind = kind
        self.can = ["exact_distances", "insert", "delete", "filter"] + (["exact"] if kind == "flat" else [])
        self.parameters = [] if kind == "flat" else ["m", "ef_construction", "ef"]

    def build(self, vectors, spec):
        self.spec = spec
        self.distance = DISTANCES[spec["distance"]]
        self.folder = tempfile.TemporaryDirectory()
        vector = pyarrow.list_(pyarrow.float32(), spec["dim"])
        schema = pyarrow.schema([("id", pyarrow.int64()), ("vector", vector)])
        self.index = lancedb.connect(self.folder.name).create_table("index", schema=schema)
        for first, batch in batches(vectors, spec):
            self.insert(np.arange(first, first + len(batch)), batch)
        if self.kind != "flat":
            graph = INDEXES[self.kind](
                distance_type=self.distance, num_partitions=1, m=spec["m"], ef_construction=spec["ef_construction"]
            )
            self.index.create_index("vector", config=graph)

    def insert(self, ids, vectors):
        rows = pyarrow.FixedSizeListArray.from_arrays(vectors.reshape(-1), vectors.shape[1])
        self.index.add(pyarrow.table([pyarrow.array(ids), rows], schema=self.index.schema))

    def delete(self, ids):
        self.index.delete(among(ids))

    def count(self):
        return self.index.count_rows()

    def search(self, query, k, allowed):
        looks = self.index.search(query[0], vector_column_name="vector").distance_type(self.distance)
        looks = looks.select(["id", "_distance"]).limit(k)
        if self.kind != "flat":
            looks = looks.ef(max(k, self.spec["ef"]))
        if self.kind == "hnsw-sq":
            # Sorted by the vectors of the table; its cosine distances are twice as large without.
            looks = looks.refine_factor(1)
        if allowed is not None:
            looks = looks.where(among(allowed), prefilter=True)
        found = looks.to_arrow()
        return found["id"].to_pylist(), found["_distance"].to_pylist()

    def disk_bytes(self):
        return folder_bytes(self.folder.name)

    def drop(self):
        self.index = None
        self.folder.cleanup()


def among(ids):
    """The condition that the id is one of these."""
    return f"id IN ({', '.join(map(str, ids.tolist()))})"


serve(Lancedb(sys.argv[1]))
