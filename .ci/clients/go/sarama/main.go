// sarama.
package main

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"ottla.dev/clients/contract"
)

type client struct{}

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V4_0_0_0
	c.Consumer.MaxWaitTime = 10 * time.Millisecond
	return c
}

// encoder keeps null (no encoder) apart from empty.
func encoder(b []byte) sarama.Encoder {
	if b == nil {
		return nil
	}
	return sarama.ByteEncoder(b)
}

func (client) Write(address string, records []contract.Record, at contract.At) error {
	codecs := map[string]sarama.CompressionCodec{"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
		"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}
	c := config()
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.Compression = codecs[at.Third]
	p, err := sarama.NewSyncProducer([]string{address}, c)
	if err != nil {
		return err
	}
	defer p.Close()
	var all []*sarama.ProducerMessage
	for _, r := range records {
		m := &sarama.ProducerMessage{Topic: at.Topic, Partition: at.Partition, Key: encoder(r.Key), Value: encoder(r.Value)}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Name), Value: h.Value})
		}
		all = append(all, m)
	}
	return p.SendMessages(all)
}

func (client) Read(address string, count int, at contract.At, offset int64, show func(int64, []byte, []byte, []contract.Header)) error {
	consumer, err := sarama.NewConsumer([]string{address}, config())
	if err != nil {
		return err
	}
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(at.Topic, at.Partition, offset)
	if err != nil {
		return err
	}
	defer partition.Close()
	for ; count > 0; count-- {
		select {
		case m := <-partition.Messages():
			var headers []contract.Header
			for _, h := range m.Headers {
				headers = append(headers, contract.Header{Name: string(h.Key), Value: h.Value})
			}
			show(m.Offset, m.Key, m.Value, headers)
		case <-time.After(20 * time.Second):
			return fmt.Errorf("nothing came")
		}
	}
	return nil
}

func (client) Admin(address, topic string) error {
	a, err := sarama.NewClusterAdmin([]string{address}, config())
	if err != nil {
		return err
	}
	defer a.Close()
	retention := "86400000"
	detail := &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &retention}}
	if err := a.CreateTopic(topic, detail, false); err != nil {
		return err
	}
	if err := contract.Eventually("the topic appears", func() (bool, error) {
		described, err := a.DescribeTopics([]string{topic})
		return err == nil && len(described[0].Partitions) == 3, err
	}); err != nil {
		return err
	}
	settings, err := a.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}})
	if err != nil {
		return err
	}
	if len(settings) != 1 || settings[0].Value != retention {
		return fmt.Errorf("retention.ms: %v", settings)
	}
	if err := a.CreatePartitions(topic, 5, nil, false); err != nil {
		return err
	}
	topics, err := a.ListTopics()
	if err != nil {
		return err
	}
	if _, ok := topics[topic]; !ok {
		return fmt.Errorf("not listed: %v", topics)
	}
	if err := a.DeleteTopic(topic); err != nil {
		return err
	}
	return contract.Eventually("the topic goes", func() (bool, error) {
		topics, err := a.ListTopics()
		_, ok := topics[topic]
		return err == nil && !ok, err
	})
}

func main() { contract.Main(client{}) }
