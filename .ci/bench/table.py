#!/usr/bin/env python3
"""Medians of drive.py's JSON lines as one table: a row for each figure of each work, with ratios between the medians.

A figure from runs beside which other processes used more than 0.2 cores is marked ~; where there are quiet runs, noisy ones are left
out. The ratio to the floor is to floor+fdatasync where every promise is an fsync (acks=-1)."""
import json, re, statistics, sys

rows = [json.loads(line) for line in open(sys.argv[1])]
figures = [('start_ms', 'start to first reply, ms'), ('create_ms', 'create them, ms'),
           ('memory_MB.VmRSS', 'RSS, MB'), ('memory_MB.RssAnon', 'anonymous memory, MB'), ('memory_after_MB.VmRSS', 'RSS after that, MB'),
           ('produce_MBps', 'in, MB/s'), ('produce_broker_cpu_s_per_GB', 'in, broker CPU s/GB'),
           ('consume_MBps', 'out, MB/s'), ('consume_broker_cpu_s_per_GB', 'out, broker CPU s/GB'),
           ('broker_cpu_pct', 'broker CPU, %'), ('end_to_end_us.p50', 'end to end p50, us'), ('end_to_end_us.p99', 'end to end p99, us'),
           ('end_to_end_us.p999', 'end to end p999, us'), ('ack_us.p50', 'acknowledged p50, us'), ('ack_us.p99', 'acknowledged p99, us')]

def value(row, path):
    for key in path.split('.'):
        row = row.get(key) if isinstance(row, dict) else None
    return row

def title(work):
    m = re.fullmatch(r'p(\d+)s(\d+)b(\d+)a(-?\d+)n?', work)
    if m: return f'{m[2]} B records, {int(m[3]):,} B batches, {m[1]} partition(s), acks={m[4]}'
    m = re.fullmatch(r'l(\d+)s(\d+)a(-?\d+)', work)
    if m: return f'{m[1]}/s of {m[2]} B, acks={m[3]}'
    m = re.fullmatch(r't(\d+)', work)
    return f'{int(m[1]):,} partitions' if m else work

def cell(work, broker, path):
    seen = [(r, v) for r in rows if r['work'] == work and r['broker'] == broker and (v := value(r, path)) is not None]
    quiet = [v for r, v in seen if not r.get('noisy')]
    values = quiet or [v for _, v in seen]
    return (statistics.median(values), min(values), max(values), len(values), not quiet) if values else None

brokers = list(dict.fromkeys(r['broker'] for r in rows))
head = ['', *brokers, 'ottla/floor', 'ottla/kafka', "ottla's spread"]
table = []
for work in dict.fromkeys(r['work'] for r in rows):
    table.append([title(work)])
    for path, name in figures:
        cells = {b: cell(work, b, path) for b in brokers}
        if not cells.get('ottla'): continue
        floor = cells.get('floor+fdatasync') if work.endswith('a-1') else cells.get('floor')
        mine = cells['ottla']
        number = lambda x: f'{x:,.0f}' if x >= 1000 else f'{x:.3g}'
        ratio = lambda other: number(mine[0] / other[0]) if other and other[0] else '-'
        shown = lambda c: '-' if c is None else f'{"~" if c[4] else ""}{number(c[0])}'
        table.append(['  ' + name, *(shown(cells[b]) for b in brokers), ratio(floor), ratio(cells.get('kafka')),
                      f'{number(mine[1])} to {number(mine[2])} ({mine[3]})'])
widths = [max(len(r[i]) for r in [head, *(t for t in table if len(t) > 1)]) for i in range(len(head))]
for r in [head, *table]:
    if len(r) == 1: print(f'\n{r[0]}')
    else: print('  '.join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths))))
print(f'\n{len(rows)} runs, {sum(1 for r in rows if r.get("noisy"))} of them noisy')
