"""A moto server on the port given, with one thing mended.

In moto a deleted cache cluster is `deleting` for ever, so that whoever waits for its end waits for ever too. Here it is
gone once somebody has seen it so, as on AWS.
"""

import sys

from moto.elasticache.models import ElastiCacheBackend
from moto.server import main

describe = ElastiCacheBackend.describe_cache_clusters


def describe_and_forget(self, cache_cluster_id=None):
    clusters = describe(self, cache_cluster_id)
    for cluster in clusters:
        if cluster.cache_cluster_status == "deleting":
            del self.cache_clusters[cluster.cache_cluster_id]
    return clusters


ElastiCacheBackend.describe_cache_clusters = describe_and_forget
main(["--host", "127.0.0.1", "--port", sys.argv[1]])
