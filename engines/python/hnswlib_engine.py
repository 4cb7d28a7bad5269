"""hnswlib: HNSW in C++."""

import importlib.metadata
import os

import hnswlib

from membench_engine import Engine, batches, serve


class Hnswlib(Engine):
    version = f"hnswlib {importlib.metadata.version('hnswlib')}"
    can = ["exact_distances", "insert", "delete", "filter", "save"]
    parameters = ["m", "ef_construction", "ef", "reserve", "threads"]

    def build(self, vectors, spec):
        self.index = hnswlib.Index(space=spec["distance"], dim=spec["dim"])
        self.index.init_index(
            max_elements=max(spec["reserve"], len(vectors)), M=spec["m"], ef_construction=spec["ef_construction"]
        )
        self.index.set_num_threads(spec["threads"])
        self.index.set_ef(spec["ef"])
        self.deleted = set()
        for first, batch in batches(vectors, spec):
            self.index.add_items(batch, range(first, first + len(batch)))

    def count(self):
        return self.index.get_current_count() - len(self.deleted)

    def search(self, query, k, allowed):
        among = None
        if allowed is not None:
            chosen = set(allowed.tolist())
            among, k = chosen.__contains__, min(k, len(chosen))
        ids, distances = self.index.knn_query(query, k=min(k, self.count()), filter=among)
        return ids[0], distances[0]

    def insert(self, ids, vectors):
        # An id that was deleted comes back in its old place.
        new = sum(1 for i in ids.tolist() if i not in self.deleted)
        needed = self.index.get_current_count() + new
        if needed > self.index.get_max_elements():
            self.index.resize_index(needed)
        self.index.add_items(vectors, ids)
        self.deleted.difference_update(ids.tolist())

    def delete(self, ids):
        for i in ids.tolist():
            self.index.mark_deleted(i)
            self.deleted.add(i)

    def save(self, folder):
        self.index.save_index(os.path.join(folder, "index"))

    def drop(self):
        self.index = None


serve(Hnswlib())
