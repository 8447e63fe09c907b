# A clock that jumps makes records old at once.

world seed=1
topic orders
producer p batches=10 think=20ms
at 100ms clock-jump by=8d
at 500ms clock-jump by=8d
play
----
t=0.004 admin: create orders partitions=1: done
t=0.006 p: #1 to orders/0: offset 0
t=0.041 p: #2 to orders/0: offset 1
t=0.066 p: #3 to orders/0: offset 2
t=0.073 p: #4 to orders/0: offset 3
t=0.093 p: #5 to orders/0: offset 4
t=0.097 p: #6 to orders/0: offset 5
t=0.100 clock-jump: node 1 by 691200000ms
t=0.109 p: #7 to orders/0: offset 6
t=0.111 p: #8 to orders/0: offset 7
t=0.124 p: #9 to orders/0: offset 8
t=0.129 p: #10 to orders/0: offset 9
t=0.500 clock-jump: node 1 by 691200000ms
t=1.004 heal: no more faults
t=1.005 probe: #11 to orders/0: offset 10
t=1.106 reader: reads orders/0 from 9: 9=#10 10=#11, high watermark 11
held: 11 acknowledged, 2 records read, 1 starts; excused: 9 deleted
