# A sector of a segment cannot be read any more, and nobody knows until an answer with it is on its way: the connection is closed. Whoever asks
# again gets what lies before it, and then an error of this partition, on a connection that stays.

node seed=2 config=default
topic orders partitions=2
produce orders/0 a size=2000
produce orders/0 b size=2000
produce orders/1 c size=2000
fault latent-error on=log in=orders/0
fetch orders/0
fetch orders/0
fetch orders/0 from=1
fetch orders/1
----
c1: created orders partitions=2
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/1 offset=0
c1: connection lost, outcome unknown
c1: orders/0 start=0 hw=2: 0=a..(2000)
c1: orders/0 KAFKA_STORAGE_ERROR
c1: orders/1 start=0 hw=1: 0=c..(2000)
