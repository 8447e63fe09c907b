# An answer is lost, and the client stands still while the broker's clock jumps.

world seed=1 faults-for=40m sync=100ms..100ms
topic orders
producer p idempotent=yes
producer q
at 500ms produce orders/0
at 2s produce orders/0
at 2001ms reset client=p
at 2002ms clock-jump by=2d
at 2003ms pause-client client=p for=30m
at 20m produce orders/0 client=q
at 25m produce orders/0 client=q
play
----
t=0.700 admin: create orders partitions=1: done
t=0.901 p: #1 to orders/0: offset 0
t=2.001 reset: p
t=2.002 clock-jump: node 1 by 172800000ms
t=2.003 pause-client: p for 1800000ms
t=1200.100 q: #3 to orders/0: offset 2
t=1500.100 q: #4 to orders/0: offset 3
t=1802.103 p: #2 to orders/0: offset 4 after 2 attempts
t=2400.700 heal: no more faults
t=2400.800 probe: #5 to orders/0: offset 5
t=2400.902 reader: reads orders/0 from 0: 0=#1 1=#2 2=#3 3=#4 4=#2 5=#5, high watermark 6
held: 5 acknowledged, 6 records read, 1 starts
