"""A moto server on the port given, with two things mended.

In moto a deleted cache cluster is `deleting` for ever, so that whoever waits for its end waits for ever too. Here it is
gone once somebody has seen it so, as on AWS. The values of DNS records stand in CDATA, which AWS never sends and the AWS
SDK for Rust does not read.
"""

import sys

from moto.elasticache.models import ElastiCacheBackend
from moto.route53 import responses as route53
from moto.server import main

describe = ElastiCacheBackend.describe_cache_clusters


def describe_and_forget(self, cache_cluster_id=None):
    clusters = describe(self, cache_cluster_id)
    for cluster in clusters:
        if cluster.cache_cluster_status == "deleting":
            del self.cache_clusters[cluster.cache_cluster_id]
    return clusters


ElastiCacheBackend.describe_cache_clusters = describe_and_forget
route53.LIST_RRSET_RESPONSE = route53.LIST_RRSET_RESPONSE.replace("<![CDATA[", "").replace("]]>", "")
main(["--host", "127.0.0.1", "--port", sys.argv[1]])
