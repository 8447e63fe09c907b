# The metadata log is gone, and at the start its first segment finds no space. Nothing was written that could have failed: the reserve is given up,
# the file is made, and the start goes on as if nothing had been. First the space is back at once; then a second later, when the start has come
# further.

node seed=1
crash
fault lost-file on=log in=__cluster_metadata/0
fault no-space on=log in=__cluster_metadata/0
start
topic t0
----
c1: created t0 partitions=1

node seed=1
crash
fault lost-file on=log in=__cluster_metadata/0
fault no-space on=log in=__cluster_metadata/0
fault no-space on=log in=__cluster_metadata/0
start
topic t0
----
c1: created t0 partitions=1
