# The process dies while the reserve is being filled, and the disk is full when it starts again. What there is of the reserve is given up: it is
# enough for the start.

node seed=2
crash
fault lost-file on=reserve
fault crash-at-call after=55
start
run 100ms
fault disk-full bytes=0 for=20s
trace on
start
run 1s
trace off
topic t0
----
node 1 is down: Stopped
t=0.112723 * node 1 starts, life 3
t=0.112723 < note bounds: fetch sessions <= 4; bytes that wait for the disk <= 3000 and a batch; requests by the edge's unanswered bytes
t=0.112723 < op 0 d0/. sync dir
t=0.112810 > op 0 done
t=0.112810 < op 1 d1/00000000000000000009.snapshot.tmp remove
t=0.112810 < op 2 d1/00000000000000000000.log rewrite 737B at 0
t=0.112810 < op 3 d1/00000000000000000009.log rewrite 366B at 0
t=0.112810 < op 4 d1/00000000000000000009.log truncate to 366B
t=0.112810 < op 5 d1/00000000000000000000.timeindex remove
t=0.112810 < op 6 d1/quorum-state.tmp create
t=0.112834 > op 3 done
t=0.112834 < op 7 d1/. sync dir
t=0.112853 > op 1 done
t=0.112854 > op 4 done
t=0.112869 > op 2 done
t=0.112879 > op 6 done
t=0.112879 < op 8 d1/quorum-state.tmp append 104B at 0
t=0.112879 * disk-full strikes
t=0.112905 > op 5 done
t=0.112905 < op 9 d1/00000000000000000009.log sync
t=0.112905 < op 10 d1/. sync dir
t=0.112949 > op 8 failed: NoSpace
t=0.112949 < op 11 d1/quorum-state.tmp remove
t=0.112978 > op 11 done
t=0.112978 < note metadata-no-space: QuorumState waits for space on the disk, and this start for it
t=0.112978 < note disk-full: no space but what is kept for metadata: records are refused until there is more
t=0.112978 < op 12 d0/ottla.reserve truncate to 0B
t=0.112981 > op 12 done
t=0.112981 < op 13 d1/quorum-state.tmp create
t=0.112984 > op 13 done
t=0.112984 < op 14 d1/quorum-state.tmp append 104B at 0
t=0.113032 > op 14 done
t=0.113032 < op 15 d1/quorum-state.tmp sync
t=0.114175 > op 9 done
t=0.114304 > op 7 done
t=0.114899 > op 15 done
t=0.114899 < op 16 d1/quorum-state.tmp rename to quorum-state
t=0.114906 > op 16 done
t=0.114906 < op 17 d1/. sync dir
t=0.115083 > op 10 done
t=0.115083 < op 18 d1/00000000000000000000.log sync
t=0.116562 > op 17 done
t=0.116562 < op 19 d1/00000000000000000009.log append 91B at 366
t=0.116562 < op 20 d1/00000000000000000009.log sync
t=0.116562 < op 21 d1/00000000000000000009.log append 366B at 457
t=0.116590 > op 19 done
t=0.116590 < op 22 d1/leader-epoch-checkpoint.tmp create
t=0.116635 > op 22 done
t=0.116635 < op 23 d1/leader-epoch-checkpoint.tmp append 17B at 0
t=0.116647 > op 18 done
t=0.116647 < op 24 d1/00000000000000000000.timeindex create
t=0.116647 < op 25 d1/00000000000000000000.timeindex append 12B at 0
t=0.116647 < op 26 d1/00000000000000000000.timeindex sync
t=0.116677 > op 23 done
t=0.116677 < op 27 d1/leader-epoch-checkpoint.tmp sync
t=0.116678 > op 21 done
t=0.116706 > op 24 done
t=0.116773 > op 25 done
t=0.117403 > op 20 done
t=0.117403 < op 28 d1/00000000000000000009.log sync
t=0.117856 > op 26 done
t=0.117856 < op 29 d1/. sync dir
t=0.118529 > op 29 done
t=0.118543 > op 27 done
t=0.118543 < op 30 d1/leader-epoch-checkpoint.tmp rename to leader-epoch-checkpoint
t=0.118636 > op 30 done
t=0.118636 < op 31 d1/. sync dir
t=0.119340 > op 28 done
t=0.119340 < op 32 d0/ottla.reserve create
t=0.119340 < op 33 d0/ottla.reserve append 4096B at 0
t=0.119397 > op 32 done
t=0.119412 > op 33 failed: NoSpace
t=0.119412 < op 34 d0/ottla.reserve truncate to 0B
t=0.119425 > op 34 done
t=0.119949 > op 31 done
t=1.119340 > wake
c1: created t0 partitions=1
