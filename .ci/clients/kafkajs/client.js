// kafkajs. The contract is in ../README.md. kafkajs brings gzip; the other codecs are packages that its documentation asks for.
'use strict'
const fs = require('node:fs')
const zlib = require('node:zlib')
const { Kafka, CompressionTypes, CompressionCodecs, ConfigResourceTypes, logLevel } = require('kafkajs')
const lz4 = require('lz4js')
const xxh = require('lz4js/xxh32')
const { ZstdCodec } = require('zstd-codec')

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')
// lz4js does not say that its blocks are independent, which Kafka asks for. They are where there is but one (4 MB): the flag is set here.
function independent(frame) {
  frame[4] |= 0x20
  frame[6] = (xxh.hash(0, frame, 4, 2) >> 8) & 0xff
  return frame
}
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => independent(Buffer.from(lz4.compress(encoder.buffer))),
  decompress: async buffer => Buffer.from(lz4.decompress(buffer)),
})
const zstd = new Promise(resolve => ZstdCodec.run(z => resolve(new z.Streaming())))
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from((await zstd).compress(encoder.buffer)),
  decompress: async buffer => Buffer.from((await zstd).decompress(buffer)),
})
const CODECS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy, lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD }

const text = s => (s === null ? null : Buffer.from(s))
const pattern = n => Buffer.from(Array.from({ length: n }, (_, i) => (i * 131 + Math.floor(i / 251) + n) & 255))

function records(path) {
  return fs.readFileSync(path, 'utf8').split('\n').filter(l => l).map(line => {
    const r = JSON.parse(line)
    const headers = {}
    for (const [name, value] of r.headers) (headers[name] = headers[name] || []).push(text(value))
    return { key: text(r.key), value: 'value_size' in r ? pattern(r.value_size) : text(r.value), headers }
  })
}

function split(spec) {
  const [, topic, partition, third] = /^(.*):(\d+):([^:]*)$/.exec(spec)
  return { topic, partition: +partition, third }
}

function show(m) {
  const hex = b => 'x' + Buffer.from(b).toString('hex')
  const headers = []
  for (const [name, values] of Object.entries(m.headers || {})) {
    for (const v of [].concat(values)) headers.push(name + '=' + (v === null || v === undefined ? '-' : hex(v)))
  }
  const value = m.value === null ? '-' : m.value.length + ':' + zlib.crc32(m.value).toString(16).padStart(8, '0')
  console.log(m.offset, m.key === null ? '-' : hex(m.key), value, headers.join(',') || '-')
}

async function write(kafka, all, targets) {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false })
  await producer.connect()
  for (const { topic, partition, third } of targets) {
    // One request holds one batch here: what is large goes alone, so that a batch stays below max.message.bytes.
    const batches = [[]]
    for (const r of all) {
      if (r.value && r.value.length > 50000) batches.push([r], [])
      else batches[batches.length - 1].push(r)
    }
    for (const batch of batches.filter(b => b.length)) {
      await producer.send({ topic, acks: -1, compression: CODECS[third], messages: batch.map(r => ({ ...r, partition })) })
    }
  }
  await producer.disconnect()
}

// kafkajs consumes in groups only; its own fetch is what its consumers call below the group, and needs none.
async function read(kafka, count, sources) {
  const { cluster, destroy } = await lower(kafka)
  for (const { topic, partition, third } of sources) {
    await cluster.addTargetTopic(topic)
    await cluster.refreshMetadataIfNecessary()
    const [leader] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
    const broker = await cluster.findBroker({ nodeId: leader })
    let offset = BigInt(third)
    let left = count
    while (left > 0) {
      const { responses } = await broker.fetch({
        maxWaitTime: 5000, minBytes: 1, maxBytes: 10485760, isolationLevel: 0,
        topics: [{ topic, partitions: [{ partition, fetchOffset: offset.toString(), maxBytes: 2000000 }] }],
      })
      const messages = responses[0].partitions[0].messages.filter(m => BigInt(m.offset) >= offset).slice(0, left)
      if (!messages.length) throw new Error('nothing came')
      for (const m of messages) show(m)
      left -= messages.length
      offset = BigInt(messages[messages.length - 1].offset) + 1n
    }
  }
  await destroy()
}

async function lower(kafka) {
  const Cluster = require('kafkajs/src/cluster')
  const { createLogger } = require('kafkajs/src/loggers')
  const defaultSocketFactory = require('kafkajs/src/network/socketFactory')
  const logger = createLogger({ level: logLevel.ERROR, logCreator: require('kafkajs/src/loggers/console') })
  const cluster = new Cluster({
    logger, brokers: kafka.brokers, socketFactory: defaultSocketFactory(), offsets: new Map(), clientId: 'kafkajs',
    connectionTimeout: 10000, requestTimeout: 20000, enforceRequestTimeout: true, metadataMaxAge: 300000,
    allowAutoTopicCreation: false, maxInFlightRequests: null, isolationLevel: 0, retry: { retries: 5 },
  })
  await cluster.connect()
  return { cluster, destroy: () => cluster.disconnect() }
}

async function admin(kafka, topic) {
  const a = kafka.admin()
  await a.connect()
  const check = (ok, what) => { if (!ok) throw new Error('unexpected: ' + JSON.stringify(what)) }
  const created = await a.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 1, configEntries: [{ name: 'retention.ms', value: '86400000' }] }] })
  check(created, 'not created')
  const { topics } = await a.fetchTopicMetadata({ topics: [topic] })
  check(topics[0].partitions.length === 3, topics)
  const described = await a.describeConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['retention.ms'] }] })
  check(described.resources[0].configEntries[0].configValue === '86400000', described)
  const offsets = await a.fetchTopicOffsets(topic)
  check(offsets.length === 3 && offsets.every(o => o.low === '0' && o.high === '0'), offsets)
  check((await a.listTopics()).includes(topic), 'not listed')
  await a.deleteTopics({ topics: [topic] })
  const end = Date.now() + 20000
  while ((await a.listTopics()).includes(topic)) check(Date.now() < end, 'still there')
  await a.disconnect()
}

async function main() {
  const [address, command, first, ...rest] = process.argv.slice(2)
  const kafka = new Kafka({ clientId: 'kafkajs', brokers: [address], logLevel: logLevel.ERROR })
  kafka.brokers = [address]
  if (command === 'write') await write(kafka, records(first), rest.map(split))
  else if (command === 'read') return read(kafka, +first, rest.map(split))
  else if (command === 'admin') await admin(kafka, first)
  else throw new Error('unknown command ' + command)
  console.log('ok')
}

main().catch(e => { console.error(e); process.exit(1) })
