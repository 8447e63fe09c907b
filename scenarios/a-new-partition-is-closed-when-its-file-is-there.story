# Partitions are added while the disk is slow, and the broker ends in order: it waits until their files are there for good, though nothing is
# in them yet. The next life takes them as it finds them.

world seed=11052557 faults-for=1130ms sync=1ms..10ms sync-covers-later=yes
topic t0
topic v0 partitions=2
topic v1 partitions=2
at 20ms configure v1 max.message.bytes=600
at 40ms configure t0 min.insync.replicas=1
at 60ms configure v0 max.message.bytes=600
at 80ms shutdown down=866ms
at 348ms stall after=12
at 1019ms add-partitions t0 total=4
at 1030ms shutdown
play
