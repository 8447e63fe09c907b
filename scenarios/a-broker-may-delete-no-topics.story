# delete.topic.enable is off: whoever asks for a topic's deletion is told so, whatever else is wrong with the question.

world seed=1 delete.topic.enable=false
topic orders
operator o operations=300 think=1ms
at 10ms delete orders
play
----
t=0.004 admin: create orders partitions=1: done
t=0.010 admin: delete orders: TOPIC_DELETION_DISABLED
t=1.004 heal: no more faults
t=1.005 probe: #1 to orders/0: offset 0
t=1.106 reader: reads orders/0 from 0: 0=#1, high watermark 1
held: 1 acknowledged, 1 records read, 1 starts
