# The first segment file is gone, and no log start was ever written down. The checkpoint of leader epochs still says where the log began: the start says which
# records are missing, and writes down that the log begins there, so that the file counts again when it is put back.

node seed=1 config=tiny
topic orders
produce orders/0 a size=300
produce orders/0 b size=300
produce orders/0 c size=300
produce orders/0 d size=300
produce orders/0 e size=300
run 10m
crash
fault lost-file on=log in=orders/0
files orders/0
trace on
start
trace off
ends orders/0
fetch orders/0
fetch orders/0 from=2
offsets orders/0 at=earliest
run 10m
crash
trace on
start
trace off
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
00000000000000000000.index 8
00000000000000000000.timeindex 12
00000000000000000002.index 8
00000000000000000002.log 740
00000000000000000002.snapshot 18
00000000000000000002.timeindex 12
00000000000000000004.log 370
00000000000000000004.snapshot 18
leader-epoch-checkpoint 8
partition.metadata 43
t=600.020960 * node 1 starts, life 2
t=600.020960 < note log-recovered: orders-0: intact, 370 bytes checked
t=600.020960 < note records-missing: orders-0: records from offset 0 to 2 are missing: nobody deleted them, and no file holds them. They count again when their files are put back while the broker is down
t=600.020960 < note bounds: fetch sessions <= 4; bytes that wait for the disk <= 3000 and a batch; requests by the edge's unanswered bytes
t=600.020960 < op 0 d0/. sync dir
t=600.022785 > op 0 done
t=600.022785 < op 1 d1/00000000000000000000.log truncate to 815B
t=600.022785 < op 2 d1/quorum-state.tmp create
t=600.022785 < op 3 d2/00000000000000000004.log truncate to 370B
t=600.022785 < op 4 d2/00000000000000000000.index remove
t=600.022785 < op 5 d2/00000000000000000000.timeindex remove
t=600.022786 > op 2 done
t=600.022786 < op 6 d1/quorum-state.tmp append 104B at 0
t=600.022801 > op 3 done
t=600.022801 < op 7 d2/. sync dir
t=600.022839 > op 5 done
t=600.022842 > op 1 done
t=600.022842 < op 8 d1/00000000000000000000.log sync
t=600.022842 < op 9 d1/. sync dir
t=600.022864 > op 4 done
t=600.022864 < op 10 d2/00000000000000000004.log sync
t=600.022864 < op 11 d2/. sync dir
t=600.022867 > op 6 done
t=600.022867 < op 12 d1/quorum-state.tmp sync
t=600.023166 > op 12 done
t=600.023166 < op 13 d1/quorum-state.tmp rename to quorum-state
t=600.023222 > op 13 done
t=600.023222 < op 14 d1/. sync dir
t=600.023321 > op 7 done
t=600.023409 > op 8 done
t=600.024219 > op 11 done
t=600.024568 > op 10 done
t=600.024568 < note log-repaired: orders-0: appends are taken again
t=600.024585 > op 9 done
t=600.024839 > op 14 done
t=600.024839 < op 15 d1/00000000000000000000.log append 91B at 815
t=600.024839 < op 16 d1/00000000000000000000.log sync
t=600.024839 < op 17 d1/00000000000000000011.log create
t=600.024839 < op 18 d1/00000000000000000011.log append 366B at 0
t=600.024839 < op 19 d1/00000000000000000011.log sync
t=600.024839 < op 20 d1/00000000000000000011.log append 98B at 366
t=600.024899 > op 17 done
t=600.024899 < op 21 d1/leader-epoch-checkpoint.tmp create
t=600.024899 < op 22 d1/. sync dir
t=600.024901 > op 21 done
t=600.024901 < op 23 d1/leader-epoch-checkpoint.tmp append 13B at 0
t=600.024917 > op 18 done
t=600.024929 > op 15 done
t=600.024932 > op 23 done
t=600.024932 < op 24 d1/leader-epoch-checkpoint.tmp sync
t=600.024988 > op 20 done
t=600.025679 > op 24 done
t=600.025679 < op 25 d1/leader-epoch-checkpoint.tmp rename to leader-epoch-checkpoint
t=600.025707 > op 25 done
t=600.025707 < op 26 d1/. sync dir
t=600.025741 > op 19 done
t=600.025741 < op 27 d1/00000000000000000011.log sync
t=600.026619 > op 27 done
t=600.026637 > op 16 done
t=600.026637 < op 28 d1/00000000000000000000.timeindex create
t=600.026637 < op 29 d1/00000000000000000000.timeindex append 12B at 0
t=600.026637 < op 30 d1/00000000000000000000.timeindex sync
t=600.026637 < op 31 d1/00000000000000000011.snapshot.tmp create
t=600.026664 > op 31 done
t=600.026664 < op 32 d1/00000000000000000011.snapshot.tmp append 18B at 0
t=600.026732 > op 28 done
t=600.026744 > op 29 done
t=600.026753 > op 32 done
t=600.026753 < op 33 d1/00000000000000000011.snapshot.tmp sync
t=600.026897 > op 22 done
t=600.027032 > op 30 done
t=600.027032 < op 34 d1/. sync dir
t=600.028003 > op 33 done
t=600.028003 < op 35 d1/00000000000000000011.snapshot.tmp rename to 00000000000000000011.snapshot
t=600.028092 > op 35 done
t=600.028092 < op 36 d1/. sync dir
t=600.028182 > op 26 done
t=600.029934 > op 34 done
t=600.030003 > op 36 done
orders/0 start=2 hw=5 durable=5 written=5 end=5
c1: orders/0 OFFSET_OUT_OF_RANGE
c1: orders/0 start=2 hw=5: 2=c..(300) 3=d..(300)
c1: orders/0 offset=2
t=1200.032628 * node 1 starts, life 3
t=1200.032628 < note log-recovered: orders-0: intact, 370 bytes checked
t=1200.032628 < note records-missing: orders-0: records from offset 0 to 2 are missing: nobody deleted them, and no file holds them. They count again when their files are put back while the broker is down
t=1200.032628 < note bounds: fetch sessions <= 4; bytes that wait for the disk <= 3000 and a batch; requests by the edge's unanswered bytes
t=1200.032628 < op 0 d0/. sync dir
t=1200.032869 > op 0 done
t=1200.032869 < op 1 d1/00000000000000000011.log truncate to 464B
t=1200.032869 < op 2 d1/quorum-state.tmp create
t=1200.032869 < op 3 d2/00000000000000000004.log truncate to 370B
t=1200.032875 > op 2 done
t=1200.032875 < op 4 d1/quorum-state.tmp append 104B at 0
t=1200.032891 > op 1 done
t=1200.032891 < op 5 d1/00000000000000000011.log sync
t=1200.032891 < op 6 d1/. sync dir
t=1200.032925 > op 4 done
t=1200.032925 < op 7 d1/quorum-state.tmp sync
t=1200.032943 > op 3 done
t=1200.032943 < op 8 d2/00000000000000000004.log sync
t=1200.032943 < op 9 d2/. sync dir
t=1200.033685 > op 7 done
t=1200.033685 < op 10 d1/quorum-state.tmp rename to quorum-state
t=1200.033708 > op 8 done
t=1200.033750 > op 10 done
t=1200.033750 < op 11 d1/. sync dir
t=1200.033907 > op 9 done
t=1200.033907 < note log-repaired: orders-0: appends are taken again
t=1200.033959 > op 6 done
t=1200.033982 > op 5 done
t=1200.035839 > op 11 done
t=1200.035839 < op 12 d1/00000000000000000011.log append 91B at 464
t=1200.035839 < op 13 d1/00000000000000000011.log sync
t=1200.035839 < op 14 d1/00000000000000000011.log append 366B at 555
t=1200.035839 < op 15 d1/00000000000000000011.log append 98B at 921
t=1200.035900 > op 12 done
t=1200.035900 < op 16 d1/leader-epoch-checkpoint.tmp create
t=1200.035928 > op 14 done
t=1200.035934 > op 16 done
t=1200.035934 < op 17 d1/leader-epoch-checkpoint.tmp append 18B at 0
t=1200.035994 > op 15 done
t=1200.036025 > op 17 done
t=1200.036025 < op 18 d1/leader-epoch-checkpoint.tmp sync
t=1200.036856 > op 18 done
t=1200.036856 < op 19 d1/leader-epoch-checkpoint.tmp rename to leader-epoch-checkpoint
t=1200.036942 > op 19 done
t=1200.036942 < op 20 d1/. sync dir
t=1200.037351 > op 13 done
t=1200.037351 < op 21 d1/00000000000000000011.log sync
t=1200.037808 > op 21 done
t=1200.038238 > op 20 done
