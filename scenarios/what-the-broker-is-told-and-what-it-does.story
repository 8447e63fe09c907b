# Everything that passes the boundary of the core for one record: the request, the append, the fsync, the answer, the read of a range that
# stays leased until it has left; then a write that fails, the end of the topic, and an orderly end of the broker.

node seed=1 config=tiny
topic orders
trace on
produce orders/0 a
fetch orders/0 from=0
produce gone/0 x
----
c1: created orders partitions=1
t=0.010391 > c1#2 Produce v9 acks=all orders/0 69B
t=0.010391 < op 35 d2/00000000000000000000.log append 69B at 0
t=0.010391 < op 36 d2/00000000000000000000.log sync
t=0.010462 > op 35 done
t=0.010462 < op 37 d2/leader-epoch-checkpoint.tmp create
t=0.010537 > op 37 done
t=0.010537 < op 38 d2/leader-epoch-checkpoint.tmp append 8B at 0
t=0.010588 > op 38 done
t=0.010588 < op 39 d2/leader-epoch-checkpoint.tmp sync
t=0.011477 > op 39 done
t=0.011477 < op 40 d2/leader-epoch-checkpoint.tmp rename to leader-epoch-checkpoint
t=0.011547 > op 40 done
t=0.011547 < op 41 d2/. sync dir
t=0.011685 > op 36 done
t=0.011685 < c1#2 Produce orders/0 offset=0
c1: orders/0 offset=0
t=0.012331 > c1#3 Fetch v12 orders/0@0
t=0.012331 < c1#3 Fetch orders/0 hw=1 69B lease=1
t=0.012681 > lease 1 released
c1: orders/0 start=0 hw=1: 0=a
t=0.012902 > op 41 done
t=0.013004 > c1#4 Produce v9 acks=all gone/0 69B
t=0.013004 < c1#4 Produce gone/0 UNKNOWN_TOPIC_OR_PARTITION
c1: gone/0 UNKNOWN_TOPIC_OR_PARTITION

fault write-error
produce orders/0 b
delete-topic orders
run 2s
----
t=0.013721 > c1#5 Produce v9 acks=all orders/0 69B
t=0.013721 < op 42 d2/00000000000000000000.log append 69B at 69
t=0.013721 < op 43 d2/00000000000000000000.log sync
t=0.013721 * write-error strikes
t=0.013726 > op 42 failed: Io
t=0.013726 < note appends-failed: orders-0: appends from 1 on failed: Io, certain=false
t=0.013726 < c1#5 Produce orders/0 NOT_ENOUGH_REPLICAS_AFTER_APPEND
t=0.013726 < note log-offline: orders-0: an append failed: Io
c1: orders/0 NOT_ENOUGH_REPLICAS_AFTER_APPEND
t=0.014340 > c1#6 DeleteTopics v5
t=0.014340 < op 44 d1/00000000000000000000.log append 88B at 815
t=0.014340 < op 45 d1/00000000000000000000.log sync
t=0.014372 > op 44 done
t=0.015117 > op 43 done
t=0.016191 > op 45 done
t=0.016191 < c1#6 DeleteTopics
t=0.016191 < op 46 d2/. rename dir to orders-0.23ed1cfea9be4480974f29885ba0a00c-delete
t=0.016229 > op 46 done
t=0.016229 < op 47 d0/. sync dir
c1: deleted
t=0.017230 > op 47 done
t=0.017230 < op 48 d2/. remove dir
t=0.017299 > op 48 done
t=1.007653 > wake
t=2.007653 > wake

shutdown
----
t=2.016234 > shutdown
t=2.016234 < note draining: 0 requests in progress
t=2.016234 < op 49 d1/00000000000000000011.snapshot.tmp create
t=2.016234 < op 50 d1/. sync dir
t=2.016302 > op 49 done
t=2.016302 < op 51 d1/00000000000000000011.snapshot.tmp append 18B at 0
t=2.016389 > op 51 done
t=2.016389 < op 52 d1/00000000000000000011.snapshot.tmp sync
t=2.017114 > op 52 done
t=2.017114 < op 53 d1/00000000000000000011.snapshot.tmp rename to 00000000000000000011.snapshot
t=2.017188 > op 53 done
t=2.017188 < op 54 d1/. sync dir
t=2.017693 > op 50 done
t=2.018282 > op 54 done
t=2.018282 < op 55 d0/recovery-point-offset-checkpoint.tmp create
t=2.018282 < op 56 d0/log-start-offset-checkpoint.tmp create
t=2.018282 < op 57 d0/replication-offset-checkpoint.tmp create
t=2.018286 > op 55 done
t=2.018286 < op 58 d0/recovery-point-offset-checkpoint.tmp append 28B at 0
t=2.018292 > op 56 done
t=2.018292 < op 59 d0/log-start-offset-checkpoint.tmp append 27B at 0
t=2.018296 > op 59 done
t=2.018296 < op 60 d0/log-start-offset-checkpoint.tmp sync
t=2.018312 > op 57 done
t=2.018312 < op 61 d0/replication-offset-checkpoint.tmp append 4B at 0
t=2.018347 > op 61 done
t=2.018347 < op 62 d0/replication-offset-checkpoint.tmp sync
t=2.018360 > op 58 done
t=2.018360 < op 63 d0/recovery-point-offset-checkpoint.tmp sync
t=2.018865 > op 60 done
t=2.018865 < op 64 d0/log-start-offset-checkpoint.tmp rename to log-start-offset-checkpoint
t=2.018877 > op 64 done
t=2.018877 < op 65 d0/. sync dir
t=2.019010 > op 62 done
t=2.019010 < op 66 d0/replication-offset-checkpoint.tmp rename to replication-offset-checkpoint
t=2.019066 > op 66 done
t=2.019066 < op 67 d0/. sync dir
t=2.019728 > op 65 done
t=2.020210 > op 63 done
t=2.020210 < op 68 d0/recovery-point-offset-checkpoint.tmp rename to recovery-point-offset-checkpoint
t=2.020256 > op 68 done
t=2.020256 < op 69 d0/. sync dir
t=2.020315 > op 67 done
t=2.021248 > op 69 done
t=2.021248 < op 70 d0/.kafka_cleanshutdown.tmp create
t=2.021302 > op 70 done
t=2.021302 < op 71 d0/.kafka_cleanshutdown.tmp append 30B at 0
t=2.021397 > op 71 done
t=2.021397 < op 72 d0/.kafka_cleanshutdown.tmp sync
t=2.022534 > op 72 done
t=2.022534 < op 73 d0/.kafka_cleanshutdown.tmp rename to .kafka_cleanshutdown
t=2.022581 > op 73 done
t=2.022581 < op 74 d0/. sync dir
t=2.023330 > op 74 done
t=2.023330 < halt
t=2.023330 * node 1 ends: Shutdown
