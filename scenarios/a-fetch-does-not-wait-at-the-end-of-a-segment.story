# A fetch asks for more bytes than are left in the segment in which it begins. As in Kafka it gets those at once: the rest lies in the
# next segment, and no append would bring more of this one.

node seed=71 config=tiny
topic orders internal.segment.bytes=400
produce orders/0 a size=200
produce orders/0 b size=200
fetch orders/0 min-bytes=450 max-wait=5s wait=no
run 10ms
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 start=0 hw=2: 0=a..(200)
