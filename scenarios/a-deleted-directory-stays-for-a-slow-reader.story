# An answer is on its way to a slow reader when the topic is deleted: the directory has its new name, and keeps the file until the answer
# has left.

node seed=3 config=tiny
topic orders
produce orders/0 a size=500
offsets orders/0 client=reader
fault slow-reader client=reader by=100ms for=1s
fetch orders/0 from=0 client=reader wait=no
run 5ms
delete-topic orders
run 20ms
directories
run 1s
directories
----
c1: created orders partitions=1
c1: orders/0 offset=0
reader: orders/0 offset=1
c1: deleted
__cluster_metadata-0 903
orders-0.4e5e80ff62834d7abc6d750b4e19f23b-delete 570
reader: orders/0 start=0 hw=1: 0=a..(500)
__cluster_metadata-0 903
