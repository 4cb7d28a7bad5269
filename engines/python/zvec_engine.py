"""zvec by Alibaba: a collection in a folder. `zvec_engine.py hnsw|flat`. `optimize` builds the graph; the folder is
the saved index, too."""

import importlib.metadata
import os
import sys
import tempfile

import zvec

from membench_engine import Engine, batches, folder_bytes, serve

METRICS = {"l2": zvec.MetricType.L2, "ip": zvec.MetricType.IP, "cosine": zvec.MetricType.COSINE}
MOST_AT_ONCE = 1000


class Zvec(Engine):
    version = f"zvec {importlib.metadata.version('zvec')}"

    def __init__(self, kind):
        self.kind = kind
        self.started = False
        self.can = ["exact_distances", "insert", "delete"] + (["exact"] if kind == "flat" else [])
        self.parameters = ["m", "ef_construction", "ef", "threads"] if kind == "hnsw" else ["threads"]

    def build(self, vectors, spec):
        if not self.started:
            # Once in a process; hello's threads are the case's.
            zvec.init(query_threads=spec["threads"], optimize_threads=spec["threads"], log_level=zvec.LogLevel.ERROR)
            self.started = True
        self.spec = spec
        metric = METRICS[spec["distance"]]
        if self.kind == "hnsw":
            index = zvec.HnswIndexParam(metric_type=metric, m=spec["m"], ef_construction=spec["ef_construction"])
        else:
            index = zvec.FlatIndexParam(metric_type=metric)
        vector = zvec.VectorSchema("vector", zvec.DataType.VECTOR_FP32, spec["dim"], index_param=index)
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "index")
        self.index = zvec.create_and_open(path, zvec.CollectionSchema("index", vectors=vector))
        for first, batch in batches(vectors, spec):
            self.insert(range(first, first + len(batch)), batch)
        self.index.optimize(zvec.OptimizeOption(concurrency=spec["threads"]))

    def insert(self, ids, vectors):
        documents = [zvec.Doc(id=str(i), vectors={"vector": row}) for i, row in zip(ids, vectors)]
        for first in range(0, len(documents), MOST_AT_ONCE):
            checked(self.index.insert(documents[first : first + MOST_AT_ONCE]))

    def delete(self, ids):
        checked(self.index.delete([str(i) for i in ids]))

    def count(self):
        return self.index.stats.doc_count

    def search(self, query, k, allowed):
        looks = zvec.HnswQueryParam(ef=self.spec["ef"]) if self.kind == "hnsw" else None
        found = self.index.query(zvec.Query("vector", vector=query[0], param=looks), topk=k)
        distances = [document.score for document in found]
        if self.spec["distance"] == "ip":
            distances = [1 - score for score in distances]
        return [document.id for document in found], distances

    def disk_bytes(self):
        return folder_bytes(self.folder.name)

    def drop(self):
        self.index.destroy()
        self.index = None
        self.folder.cleanup()


def checked(statuses):
    """Raises the first failure of a batch."""
    for status in statuses:
        if not status.ok():
            raise RuntimeError(status.message())


serve(Zvec(sys.argv[1]))
