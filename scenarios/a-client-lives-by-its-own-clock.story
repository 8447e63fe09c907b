# A client's clock says how old its records are, and the broker's clock says whether that may be. A clock that is five minutes slow makes
# records that a lookup by the true time does not find; one that is two hours fast makes records that message.timestamp.after.max.ms refuses.

node seed=1 config=tiny
topic orders
fault client-skew client=slow by=-5m
produce orders/0 a client=slow
produce orders/0 b client=right
offsets orders/0 at=1m client=right
offsets orders/0 at=6m client=right
offsets orders/0 at=1m client=slow
----
c1: created orders partitions=1
slow: orders/0 offset=0
right: orders/0 offset=1
right: orders/0 offset=1
right: orders/0 offset=0
slow: orders/0 offset=0

fault client-clock-jump client=right by=2h
produce orders/0 c client=right
fetch orders/0 from=0 client=slow
----
right: orders/0 INVALID_TIMESTAMP
slow: orders/0 start=0 hw=2: 0=a 1=b
