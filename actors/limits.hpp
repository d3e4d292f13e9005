/// The bounds of everything that the actors keep. A figure that the config may change is the default of its key.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace greenroom::limits {

// One connection.
inline constexpr std::size_t calls_in_flight_max = 1'024;        ///< unanswered calls; over it the socket is not read
inline constexpr std::size_t session_channels_max = 128;         ///< that one session has open; over it: too_large
inline constexpr std::chrono::seconds channel_open_timeout{10};  ///< for a service to decide who may come in
inline constexpr std::size_t requests_in_flight_max = 1'024;     ///< questions to the client; over it: unavailable
inline constexpr std::size_t input_bytes_max = 1u << 20;  ///< read and not yet decoded; over it the socket is not read

// Clients that have much to say at once take turns (turn_line).
inline constexpr std::size_t fair_share =
    8;  ///< messages that come in without a turn, of a client that has none waiting
inline constexpr std::size_t fair_burst = 4;           ///< the same while others wait for their turn, …
inline constexpr std::size_t fair_rate = 50;           ///< … and so many in a second
inline constexpr std::size_t turns_at_once = 4;        ///< of a shard
inline constexpr std::size_t share_of_turn = 16;       ///< messages in a turn, …
inline constexpr std::size_t whole_turn = 64;          ///< … and where nobody waits for the next one
inline constexpr std::uint32_t turn_of_dear_call = 4;  ///< of a turn's messages: a join, or a read of history
inline constexpr std::size_t flood_turns_at_once = 1;  ///< of those who flood, who say nothing without a turn

inline constexpr std::chrono::seconds token_notice{60};  ///< before its token ends, a client is told
inline constexpr std::chrono::hours token_look{1};       ///< the longest wait of a connection for that moment

// One room.
inline constexpr std::size_t missed_messages_max = 1'000;  ///< what the answer of a join may bring
inline constexpr std::size_t missed_bytes_max = 1u << 20;
inline constexpr std::size_t history_messages_max = 1'000;  ///< one room.history
inline constexpr std::size_t history_bytes_max = 1u << 20;
inline constexpr std::size_t members_page_max = 1'000;       ///< one room.members
inline constexpr std::size_t member_entries_max = 50;        ///< sessions that are listed of one user
inline constexpr std::size_t roster_page = 50;               ///< users in a room.presence of a large room
inline constexpr std::size_t roster_changes_max = 50;        ///< users in one batch; over it everybody gets the whole
inline constexpr std::size_t roster_bytes_max = 256u << 10;  ///< one room.presence, roughly
inline constexpr std::uint32_t large_room_pace = 10;         ///< intervals between two room.presence of a large room
inline constexpr std::size_t turn_messages_max = 512;        ///< joined into one block for the relays

// The durable store.
inline constexpr std::size_t uncommitted_messages_max = 8'192;        ///< of one room; over it: rate limited
inline constexpr std::uint64_t uncommitted_bytes_max = 256ull << 20;  ///< of all; over it: rate limited
inline constexpr std::uint32_t writer_retry_ms = 200;                 ///< what those are told to wait
inline constexpr std::chrono::milliseconds log_retry{500};  ///< a room whose log could not be opened tries again

// Catching up.
inline constexpr std::size_t feed_messages_max = 256;  ///< read from the log and written in one step
inline constexpr std::size_t feed_bytes_max = 256u << 10;
inline constexpr std::chrono::milliseconds feed_retry{500};  ///< where the disk could not be read

// The directories.
inline constexpr std::size_t rooms_per_shard_max = 1'000'000;  ///< living rooms; over it: unavailable
inline constexpr std::size_t held_messages_max = 1'024;  ///< for one room that is leaving memory; over it: unavailable

inline constexpr std::size_t opening_pushes_max = 64;         ///< to one that is opening; over it: dropped
inline constexpr std::uint32_t sessions_opening_max = 4'096;  ///< of a node; over it: rate limited, and come again in …
inline constexpr std::uint32_t opening_retry_min_ms = 500, opening_retry_spread_ms = 2'500;

// Presence.
inline constexpr std::chrono::seconds recollection{1};  ///< sessions that have not registered again are not waited for
inline constexpr std::chrono::seconds hand_over{1};     ///< a user stays online while its session moves
inline constexpr std::chrono::seconds watch_retry{1};

// Draining.
inline constexpr std::size_t closes_per_batch = 256;  ///< connections of a shard told at once that the node restarts
inline constexpr std::chrono::milliseconds between_close_batches{10};

// The inbox.
inline constexpr std::size_t inbox_in_flight_messages_max = 1'000;
inline constexpr std::size_t inbox_in_flight_bytes_max = 512u << 10;
inline constexpr std::size_t inbox_holders_max = 250'000;  ///< of a queue; over it every user's inbox is read
inline constexpr std::size_t inbox_holders_page = 1'000;

// Socket.IO: namespaces that a client has left and whose sessions still end; over it its connection closes.
inline constexpr std::size_t namespaces_leaving_max = 32;

// What one behaviour has open at a time.
inline constexpr std::size_t behaviour_pushes_lately_max =
    10'000;                                                 ///< sessions; over it answers do not wait for pushes
inline constexpr std::chrono::seconds push_under_way{2};    ///< no push takes so long to reach its client
inline constexpr std::size_t behaviour_timers_max = 1'024;  ///< over it: refused
inline constexpr std::size_t behaviour_asks_max = 10'000;   ///< questions and calls; over it: unavailable
inline constexpr std::size_t undecided_max = 10'000;  ///< requests that a room's behaviour keeps; over it: unavailable
inline constexpr std::size_t undecided_repeats_max = 16;  ///< repeats of one of them; over it: unavailable
inline constexpr std::chrono::seconds swap_patience{5};   ///< for open questions, before a newer build takes over

inline constexpr std::size_t service_turn_calls_max = 64;  ///< out of a service's queue in one message

// Remote workers.
inline constexpr std::size_t workers_max = 1'000;                  ///< of a node; over it: unavailable
inline constexpr std::size_t worker_methods_max = 256;             ///< of one worker; over it: too large
inline constexpr std::size_t pool_methods_max = 4'096;             ///< of all workers; over it: unavailable
inline constexpr std::size_t pool_described_bytes_max = 1u << 20;  ///< what is said of them; over it: unavailable
inline constexpr std::size_t work_waiting_max = 16'384;  ///< calls that wait for a worker; over it: unavailable
inline constexpr std::size_t work_waiting_of_method_max = 4'096;  ///< the same for one method
inline constexpr std::size_t work_of_router_max = 65'536;         ///< calls of one router's that wait or are at work
inline constexpr std::chrono::seconds worker_time_limit{30};      ///< of a call, waiting included
inline constexpr std::chrono::seconds worker_linger{10};    ///< a method waits for a worker after its last was lost
inline constexpr std::chrono::minutes work_overdue_max{5};  ///< a place in a worker is kept past its call's time

// How often one is asked that crashes with the question.
inline constexpr unsigned survey_attempts = 5;  ///< a relay, by a room or a directory that starts
inline constexpr unsigned resume_attempts = 5;  ///< a room, by a session that resumes

// What operators ask.
inline constexpr std::chrono::hours backup_max{24};        ///< until who asked for a backup is told that it did not end
inline constexpr std::size_t admin_page_max = 1'000;       ///< entries of one answer
inline constexpr std::size_t room_replay_crashes_max = 2;  ///< of one room in one answer: it is not to be given up
inline constexpr std::chrono::seconds room_replay_max{7};  ///< of one answer, less than its client waits
inline constexpr std::size_t admin_page_bytes =
    256u << 10;  ///< of messages in one answer, or one message; longer payloads are left out

// Rate limits and the shedding of load; the rates themselves stand in the config.
inline constexpr std::size_t limit_entries_max = 100'000;   ///< of users, of sessions, of addresses, of keys
inline constexpr std::size_t limit_entries_shared = 4'096;  ///< buckets for all who come when there are so many
inline constexpr std::uint32_t refusals_per_burst = 10;  ///< refused messages before 1008, in bursts of its connection
inline constexpr std::uint32_t refusals_max = 1'000;     ///< the same where a connection has no burst
inline constexpr std::chrono::milliseconds refusal_rest{50};  ///< who was refused is not read meanwhile
inline constexpr std::chrono::seconds refusal_memory{1};      ///< after its rest it floods for so long
inline constexpr std::size_t outboxes_shed_max = 16;  ///< connections of a shard closed at once for their outbox
inline constexpr std::size_t outbox_shed_bytes_min = 64u << 10;
inline constexpr std::chrono::milliseconds between_pressure_looks{250};
inline constexpr std::size_t guests_looked_at_max = 1'024;  ///< detached sessions, at each look while memory is short

// How long an actor waits for another one's answer before it gives up.
inline constexpr std::chrono::seconds ask_timeout{5};
inline constexpr std::chrono::hours client_answer_max{1};  ///< how long a client may be waited for; longer is this

}  // namespace greenroom::limits
