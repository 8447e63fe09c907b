# Index entries are evidence of what was durable, so none goes to its file before, whatever its topic's promises rest on. Here that
# changes, and power is lost before the first sync: what the page cache had is gone, as its setting permits, and the partition goes on.

world seed=28 config=default keeps=any keeps-names=everything faults-for=1s
topic t0 ottla.durability=page-cache index.interval.bytes=0
producer p
at 20ms produce t0/0 size=300
at 21ms produce t0/0 size=300
at 22ms produce t0/0 size=300
at 23ms produce t0/0 size=300
at 24ms produce t0/0 size=300
at 25ms produce t0/0 size=300
at 26ms produce t0/0 size=300
at 27ms produce t0/0 size=300
at 28ms produce t0/0 size=300
at 29ms produce t0/0 size=300
at 30ms produce t0/0 size=300
at 31ms produce t0/0 size=300
at 32ms produce t0/0 size=300
at 33ms produce t0/0 size=300
at 34ms produce t0/0 size=300
at 35ms produce t0/0 size=300
at 36ms produce t0/0 size=300
at 37ms produce t0/0 size=300
at 38ms produce t0/0 size=300
at 39ms produce t0/0 size=300
at 40ms produce t0/0 size=300
at 41ms produce t0/0 size=300
at 42ms produce t0/0 size=300
at 43ms produce t0/0 size=300
at 44ms produce t0/0 size=300
at 45ms produce t0/0 size=300
at 46ms produce t0/0 size=300
at 47ms produce t0/0 size=300
at 48ms produce t0/0 size=300
at 49ms produce t0/0 size=300
at 50ms produce t0/0 size=300
at 51ms produce t0/0 size=300
at 52ms produce t0/0 size=300
at 53ms produce t0/0 size=300
at 54ms produce t0/0 size=300
at 55ms produce t0/0 size=300
at 56ms produce t0/0 size=300
at 57ms produce t0/0 size=300
at 58ms produce t0/0 size=300
at 59ms produce t0/0 size=300
at 70ms stall for=500ms
at 80ms configure t0 ottla.durability=fsync
at 85ms power-loss
play
----
t=0.004 admin: create t0 partitions=1: done
t=0.020 p: #1 to t0/0: offset 0
t=0.021 p: #2 to t0/0: offset 1
t=0.022 p: #3 to t0/0: offset 2
t=0.023 p: #4 to t0/0: offset 3
t=0.024 p: #5 to t0/0: offset 4
t=0.025 p: #6 to t0/0: offset 5
t=0.026 p: #7 to t0/0: offset 6
t=0.027 p: #8 to t0/0: offset 7
t=0.028 p: #9 to t0/0: offset 8
t=0.029 p: #10 to t0/0: offset 9
t=0.030 p: #11 to t0/0: offset 10
t=0.031 p: #12 to t0/0: offset 11
t=0.032 p: #13 to t0/0: offset 12
t=0.033 p: #14 to t0/0: offset 13
t=0.034 p: #15 to t0/0: offset 14
t=0.035 p: #16 to t0/0: offset 15
t=0.036 p: #17 to t0/0: offset 16
t=0.037 p: #18 to t0/0: offset 17
t=0.038 p: #19 to t0/0: offset 18
t=0.039 p: #20 to t0/0: offset 19
t=0.040 p: #21 to t0/0: offset 20
t=0.041 p: #22 to t0/0: offset 21
t=0.042 p: #23 to t0/0: offset 22
t=0.043 p: #24 to t0/0: offset 23
t=0.044 p: #25 to t0/0: offset 24
t=0.045 p: #26 to t0/0: offset 25
t=0.046 p: #27 to t0/0: offset 26
t=0.047 p: #28 to t0/0: offset 27
t=0.048 p: #29 to t0/0: offset 28
t=0.049 p: #30 to t0/0: offset 29
t=0.050 p: #31 to t0/0: offset 30
t=0.051 p: #32 to t0/0: offset 31
t=0.052 p: #33 to t0/0: offset 32
t=0.053 p: #34 to t0/0: offset 33
t=0.054 p: #35 to t0/0: offset 34
t=0.055 p: #36 to t0/0: offset 35
t=0.056 p: #37 to t0/0: offset 36
t=0.057 p: #38 to t0/0: offset 37
t=0.058 p: #39 to t0/0: offset 38
t=0.059 p: #40 to t0/0: offset 39
t=0.080 stall strikes
t=0.085 node 1 loses power
t=0.085 admin: configure t0 ottla.durability=fsync: outcome unknown
t=0.185 node 1 starts, life 2
t=1.004 heal: no more faults
t=1.005 probe: #41 to t0/0: offset 0
t=1.106 reader: reads t0/0 from 0: 0=#41, high watermark 1
held: 41 acknowledged, 1 records read, 2 starts; excused: 40 power-lost-unsynced
