# A client ends its sending side while it waits for two answers: a produce that waits for its fsync, and a fetch that waits for records.
# Both still come, and then the connection ends; what the client asks next goes over another one.

node seed=1 config=tiny
topic orders
fault stall for=300ms
produce orders/0 a wait=no
fetch orders/0 from=0 min-bytes=1 max-wait=5s wait=no
run 10ms
fault half-close
await
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 start=0 hw=1: 0=a

run 1ms
fetch orders/0 from=0
----
c1: orders/0 start=0 hw=1: 0=a
