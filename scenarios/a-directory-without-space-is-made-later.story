# There is no space for the directory of a new topic: that is a state. The directory is made when there is space, and nothing of the topic
# is lost.

node seed=1 config=tiny
topic a
fault no-space on=meta after=2
topic b wait=no
run 500ms
directories
run 4s
directories
produce b/0 x
fetch b/0
----
c1: created a partitions=1
c1: created b partitions=1
__cluster_metadata-0 974
a-0 0
__cluster_metadata-0 974
a-0 0
b-0 0
c1: b/0 offset=0
c1: b/0 start=0 hw=1: 0=x
