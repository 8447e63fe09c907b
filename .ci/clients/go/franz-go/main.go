// franz-go.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"ottla.dev/clients/contract"
)

type client struct{}

func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 30*time.Second)
}

func (client) Write(address string, records []contract.Record, at contract.At) error {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	c, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[at.Third]), kgo.ProducerBatchMaxBytes(1048588), kgo.ProducerLinger(5*time.Millisecond))
	if err != nil {
		return err
	}
	defer c.Close()
	var all []*kgo.Record
	for _, r := range records {
		one := &kgo.Record{Topic: at.Topic, Partition: at.Partition, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			one.Headers = append(one.Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
		}
		all = append(all, one)
	}
	ctx, cancel := within()
	defer cancel()
	return c.ProduceSync(ctx, all...).FirstErr()
}

func (client) Read(address string, count int, at contract.At, offset int64, show func(int64, []byte, []byte, []contract.Header)) error {
	from := map[string]map[int32]kgo.Offset{at.Topic: {at.Partition: kgo.NewOffset().At(offset)}}
	c, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumePartitions(from))
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := within()
	defer cancel()
	for count > 0 {
		fetches := c.PollRecords(ctx, count)
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			var headers []contract.Header
			for _, h := range r.Headers {
				headers = append(headers, contract.Header{Name: h.Key, Value: h.Value})
			}
			show(r.Offset, r.Key, r.Value, headers)
			count--
		})
	}
	return nil
}

func (client) Admin(address, topic string) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		return err
	}
	defer c.Close()
	a := kadm.NewClient(c)
	ctx, cancel := within()
	defer cancel()
	retention := "86400000"
	if _, err := a.CreateTopic(ctx, 3, 1, map[string]*string{"retention.ms": &retention}, topic); err != nil {
		return err
	}
	if err := contract.Eventually("the topic appears", func() (bool, error) {
		topics, err := a.ListTopics(ctx, topic)
		return err == nil && len(topics[topic].Partitions) == 3, err
	}); err != nil {
		return err
	}
	configs, err := a.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return err
	}
	found := false
	for _, config := range configs[0].Configs {
		found = found || config.Key == "retention.ms" && config.MaybeValue() == retention
	}
	if !found {
		return fmt.Errorf("no retention.ms in %v", configs)
	}
	ends, err := a.ListEndOffsets(ctx, topic)
	if err != nil || ends.Error() != nil {
		return fmt.Errorf("offsets: %v %v", err, ends.Error())
	}
	if _, err := a.UpdatePartitions(ctx, 5, topic); err != nil {
		return err
	}
	if _, err := a.DeleteTopic(ctx, topic); err != nil {
		return err
	}
	return contract.Eventually("the topic goes", func() (bool, error) {
		topics, err := a.ListTopics(ctx)
		return err == nil && !topics.Has(topic), err
	})
}

func main() { contract.Main(client{}) }
