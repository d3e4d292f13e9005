#pragma once
#include "tests/bench/figures.hpp"

/// What messages cost that are on disk before they are acknowledged.
namespace greenroom::bench {

/// One room, 256-byte messages with ids, `in_flight` at a time; then at 70 % of that rate, open loop: latency of acks.
result durable_publishes(const target& of, const order& what);
/// 1,000 messages a second to a user who is online: until the ack, and until they are there.
result direct_messages(const target& of, const order& what);
/// 10,000 messages that wait for a user: how fast they come, and what members of a room notice of it.
result drained_inbox(const target& of, const order& what);
/// Sessions in durable rooms under load; the node is killed and started again by whoever reads the line `kill` on standard
/// output; all come back with jitter. Until when each has resumed, and has the last message that it missed.
result storm(const target& of, const order& what);
/// Fills the database with so many `mib`, and says `kill`: how long the next start takes is measured by who does so.
result fill(const target& of, const order& what);
/// The same work without a node: batches of `in_flight` appends with ids, straight into the store.
result raw_store(const target& of, const order& what);
/// The same messages into a JetStream file stream of nats-server, which acknowledges before it syncs.
result jetstream_publishes(const target& of, const order& what);

}  // namespace greenroom::bench
