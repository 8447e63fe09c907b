# Group commit: while one fsync is under way, three producers append; the next fsync acknowledges all three.

node seed=8 config=tiny
topic orders
produce orders/0 first wait=no
produce orders/0 a client=c2 wait=no
produce orders/0 b client=c3 wait=no
produce orders/0 c client=c4 wait=no
await
----
c1: created orders partitions=1
c1: orders/0 offset=0
c2: orders/0 offset=1
c3: orders/0 offset=2
c4: orders/0 offset=3
