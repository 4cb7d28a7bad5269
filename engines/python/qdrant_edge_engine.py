"""Qdrant in the process, by Python: a shard in a folder, HNSW after `optimize`, which runs after every change."""

import importlib.metadata
import tempfile

import qdrant_edge as qdrant

from membench_engine import Engine, batches, folder_bytes, serve

DISTANCES = {"l2": qdrant.Distance.Euclid, "ip": qdrant.Distance.Dot, "cosine": qdrant.Distance.Cosine}
# Up to so many vectors are scanned, as in the engine `qdrant-edge` of the suite itself.
SCANNED_VECTORS = 100


class QdrantEdge(Engine):
    version = f"qdrant-edge-py {importlib.metadata.version('qdrant-edge-py')}"
    can = ["exact_distances", "insert", "delete", "filter"]
    parameters = ["m", "ef_construction", "ef", "threads"]

    def build(self, vectors, spec):
        self.spec = spec
        self.folder = tempfile.TemporaryDirectory()
        scanned_kb = -(-SCANNED_VECTORS * spec["dim"] * 4 // 1024)
        graph = qdrant.HnswIndexConfig(
            m=spec["m"],
            ef_construct=spec["ef_construction"],
            full_scan_threshold=scanned_kb,
            max_indexing_threads=spec["threads"],
        )
        config = qdrant.EdgeConfig(
            vectors=qdrant.EdgeVectorParams(size=spec["dim"], distance=DISTANCES[spec["distance"]]),
            hnsw_config=graph,
            optimizers=qdrant.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=scanned_kb),
            max_search_threads=spec["threads"],
        )
        self.index = qdrant.EdgeShard.create(self.folder.name, config)
        for first, batch in batches(vectors, spec):
            self.add(range(first, first + len(batch)), batch)
        self.index.optimize()

    def add(self, ids, vectors):
        points = [qdrant.Point(int(i), row.tolist()) for i, row in zip(ids, vectors)]
        self.index.update(qdrant.UpdateOperation.upsert_points(points))

    def insert(self, ids, vectors):
        self.add(ids, vectors)
        self.index.optimize()

    def delete(self, ids):
        self.index.update(qdrant.UpdateOperation.delete_points(ids.tolist()))
        self.index.optimize()

    def count(self):
        return self.index.count(qdrant.CountRequest(exact=True))

    def search(self, query, k, allowed):
        among = None
        if allowed is not None:
            among = qdrant.Filter(must=[qdrant.HasIdCondition(set(allowed.tolist()))])
        nearest = qdrant.Query.Nearest(query[0].tolist())
        looks = qdrant.SearchParams(hnsw_ef=max(k, self.spec["ef"]))
        found = self.index.search(qdrant.SearchRequest(nearest, k, filter=among, params=looks))
        # Its Euclidean distance is the root of the protocol's; the others are likenesses.
        is_l2 = self.spec["distance"] == "l2"
        return [point.id for point in found], [point.score**2 if is_l2 else 1 - point.score for point in found]

    def disk_bytes(self):
        return folder_bytes(self.folder.name)

    def drop(self):
        self.index.close()
        self.index = None
        self.folder.cleanup()


serve(QdrantEdge())
