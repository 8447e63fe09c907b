# A bit turns over in the newest record of the metadata log while the broker is down, and so a topic is forgotten. Its records are not
# removed as those of a deleted topic are: nothing says that it was deleted. They are put aside under Kafka's name for that.

node seed=4 config=tiny
topic deleted
produce deleted/0 a
delete-topic deleted
topic orders
produce orders/0 b
directories
crash
fault bit-flip on=log
start
fetch orders/0
directories
topic orders
produce orders/0 c
fetch orders/0
directories
----
c1: created deleted partitions=1
c1: deleted/0 offset=0
c1: deleted
c1: created orders partitions=1
c1: orders/0 offset=0
__cluster_metadata-0 1073
orders-0 69
c1: orders/0 UNKNOWN_TOPIC_OR_PARTITION
__cluster_metadata-0 1361
orders-0.a6b6af8b72724aeda06094829c6b3da4-stray 69
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=c
__cluster_metadata-0 1530
orders-0 69
orders-0.a6b6af8b72724aeda06094829c6b3da4-stray 69
