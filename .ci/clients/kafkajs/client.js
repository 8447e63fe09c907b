// kafkajs. It has gzip of its own and snappy from a plug-in; lz4 and zstd would need plug-ins with native code.
// It cannot write a header whose value is null (those are left out), and puts headers of one name side by side.
// It has no way to read a partition without a group, so it answers "read" with exit code 3 where groups are not served.
const fs = require('node:fs')
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs')
CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')

const [address, command, ...args] = process.argv.slice(2)
const kafka = new Kafka({ brokers: [address], clientId: 'kafkajs', logLevel: logLevel.ERROR })
const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy }

const text = s => (s === null ? null : Buffer.from(s))
function records(path) {
  return fs.readFileSync(path, 'utf8').trim().split('\n').map(line => {
    const r = JSON.parse(line)
    const value = 'value_size' in r
      ? Buffer.from(Uint8Array.from({ length: r.value_size }, (_, i) => i * 131 + Math.floor(i / 251) + r.value_size))
      : text(r.value)
    const headers = {}
    for (const [name, v] of r.headers.filter(h => h[1] !== null)) headers[name] = name in headers ? [].concat(headers[name], text(v)) : text(v)
    return { key: text(r.key), value, headers }
  })
}

async function write(all, targets) {
  for (const target of targets) {
    const [topic, partition, codec] = target.split(':')
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    for (const r of all) {
      await producer.send({ topic, acks: -1, compression: codecs[codec], messages: [{ ...r, partition: Number(partition) }] })
    }
    await producer.disconnect()
  }
}

async function admin(topic) {
  const a = kafka.admin()
  await a.connect()
  await a.createTopics({ topics: [{ topic, numPartitions: 3, configEntries: [{ name: 'retention.ms', value: '86400000' }] }] })
  const { topics } = await a.fetchTopicMetadata({ topics: [topic] })
  if (topics[0].partitions.length !== 3) throw new Error(JSON.stringify(topics))
  const described = await a.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: topic }] })
  const setting = described.resources[0].configEntries.find(e => e.configName === 'retention.ms')
  if (setting.configValue !== '86400000') throw new Error(JSON.stringify(setting))
  await a.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
  if (!(await a.listTopics()).includes(topic)) throw new Error('not listed')
  await a.fetchTopicOffsets(topic)
  await a.deleteTopics({ topics: [topic] })
  await a.disconnect()
}

async function main() {
  if (command === 'write') {
    const unsaid = args.slice(1).find(t => !(t.split(':')[2] in codecs))
    if (unsaid) {
      console.log('kafkajs has no codec for ' + unsaid)
      process.exit(3)
    }
    await write(records(args[0]), args.slice(1))
  } else if (command === 'admin') {
    await admin(args[0])
  } else {
    console.log('kafkajs reads only in a group')
    process.exit(3)
  }
  console.log('ok')
}
main().then(() => process.exit(0), e => { console.error(e); process.exit(1) })
