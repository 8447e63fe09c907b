#!/usr/bin/env python3
"""Medians of drive.py's JSON lines as a table, each with its ratio to the floor of the same run. Noisy runs are left out and counted."""
import json, statistics, sys

rows = [json.loads(line) for line in open(sys.argv[1])]
noisy = sum(1 for r in rows if r.get('noisy'))
figures = [('start_ms', 'start ms'), ('produce_MBps', 'in MB/s'), ('produce_broker_cpu_s_per_GB', 'in s/GB'), ('consume_MBps', 'out MB/s'),
           ('consume_broker_cpu_s_per_GB', 'out s/GB'), ('broker_cpu_pct', 'CPU %'), ('end_to_end_us.p50', 'p50 us'), ('end_to_end_us.p99', 'p99 us'),
           ('end_to_end_us.p999', 'p999 us'), ('ack_us.p50', 'ack p50 us'), ('ack_us.p99', 'ack p99 us'), ('memory_MB.VmRSS', 'RSS MB'), ('memory_MB.RssAnon', 'anon MB')]

def value(row, path):
    for key in path.split('.'):
        row = row.get(key) if isinstance(row, dict) else None
    return row

for work in dict.fromkeys(r['work'] for r in rows):
    print(f'\n{work}')
    median = {}
    brokers = list(dict.fromkeys(r['broker'] for r in rows if r['work'] == work))
    for broker in brokers:
        for path, name in figures:
            seen = [v for r in rows if r['work'] == work and r['broker'] == broker and not r.get('noisy') and (v := value(r, path)) is not None]
            if seen:
                median[broker, name] = statistics.median(seen)
    names = [n for _, n in figures if any((b, n) in median for b in brokers)]
    print('  ' + 'broker'.ljust(16) + ''.join(n.rjust(17) for n in names))
    for broker in brokers:
        line = '  ' + broker.ljust(16)
        for name in names:
            mine, floor = median.get((broker, name)), median.get(('floor', name))
            cell = '-' if mine is None else f'{mine:.4g}'
            if mine is not None and floor and broker != 'floor':
                cell += f' ({mine / floor:.2f}F)'
            line += cell.rjust(17)
        print(line)
print(f'\n{len(rows)} runs, {noisy} noisy ones left out')
