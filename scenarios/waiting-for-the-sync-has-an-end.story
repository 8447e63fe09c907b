# A produce whose timeout passes before the fsync ends is answered REQUEST_TIMED_OUT: the record may well be there, and here it is.

node seed=35 config=tiny
topic orders
fault stall after=1 for=5s
produce orders/0 a timeout=200ms
run 10s
fetch orders/0
----
c1: created orders partitions=1
c1: orders/0 REQUEST_TIMED_OUT
c1: orders/0 start=0 hw=1: 0=a
