# Records are to be deleted, and the log fails before that is on the disk: whoever waits is told that it is left open.

node seed=1 config=tiny
topic orders
run 1s
produce orders/0 a b acks=all
fault stall on=log-starts for=5s
delete-records orders/0 before=1 wait=no
fault sync-error
produce orders/0 c acks=all wait=no client=c2
run 1s
run 10s
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 KAFKA_STORAGE_ERROR
c2: orders/0 NOT_ENOUGH_REPLICAS_AFTER_APPEND
