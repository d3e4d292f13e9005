/// SERVICE_BEHAVIOUR answers methods: everything that is not the protocol's own, like `market.subscribe`. The router
/// finds it by the method's name, whatever protocol the call came by.
///
///   struct say { std::string text; static constexpr auto fields() { return std::tuple{field_of("text", &say::text)}; } };
///   class echo final : public service_behaviour {
///    public:
///     using service_behaviour::service_behaviour;
///     void answer(const say& what, service_request request) { request.reply(what); }
///   };
///   into.add(service<echo>("echo").answers("echo.say", "Answers what it was given.", &echo::answer));
///
/// Typed parameters are parsed before the call: what does not fit is answered -32602 with the path of the bad member,
///   and the struct's fields stand in `rpc.discover`. A method with `codecs::payload_ptr` takes any parameters. A list of
///   parameters gives the fields in their order.
/// Requests are handles, decided once, kept as long as needed; one that is dropped undecided is answered "internal
///   error". After its time-out (`timed_out`), or when its caller has gone, cancelled() is true and an answer goes
///   nowhere.
/// Instances: one for the node, or one a shard (then each shard's callers get theirs). Over `concurrency_max` requests
///   in work, calls wait (`queue_max`), and over that they are refused `unavailable`.
/// Crash: an exception that leaves a callback restarts this instance: the call that caused it is answered "internal
///   error", the calls that it still owes too, unless their method is idempotent: those are given to it once more.
/// Threading: on its shard, or with `runs::detached` on a thread of its own, where it may block.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/behaviour.hpp"
#include "actors/party.hpp"
#include "codecs/fields.hpp"

namespace greenroom {

/// A call that waits for its answer. A handle: copies are the same request.
class service_request {
 public:
  /// Made by the node.
  struct pending {
    virtual ~pending() = default;  ///< undecided: answers "internal error"
    virtual const party& from() const noexcept = 0;
    virtual const std::string& method() const noexcept = 0;
    virtual const codecs::payload_ptr& params() const noexcept = 0;
    virtual const std::string& channel() const noexcept = 0;
    virtual bool cancelled() const noexcept = 0;
    virtual void answer(codecs::outcome what) = 0;
  };
  explicit service_request(std::shared_ptr<pending> what) : what_{std::move(what)} {}

  const party& from() const noexcept { return what_->from(); }
  const std::string& method() const noexcept { return what_->method(); }
  const codecs::payload_ptr& params() const noexcept { return what_->params(); }  ///< null when absent
  /// The namespace (Socket.IO, `/chat`) or topic (Phoenix, `game:7`) that an event came by; empty: a method's call.
  const std::string& channel() const noexcept { return what_->channel(); }
  bool cancelled() const noexcept { return what_->cancelled(); }

  // --- answers; the first counts
  void reply() { what_->answer(codecs::result{codecs::results::nothing{}}); }
  void reply(codecs::payload_ptr result) {
    what_->answer(codecs::result{codecs::results::document{std::move(result)}});
  }
  /// The arguments of Socket.IO's ack; elsewhere it is the list.
  void reply_arguments(codecs::payload_ptr list) {
    what_->answer(codecs::result{codecs::results::document{std::move(list), codecs::payload_shape::arguments}});
  }
  void leave_unanswered() { what_->answer(codecs::result{codecs::results::unanswered{}}); }  ///< JSON-RPC answers null
  template <codecs::has_fields Result>
  void reply(const Result& result) {
    reply(codecs::write_fields(result));
  }
  void refuse(codecs::error why) { what_->answer(std::move(why)); }
  void refuse(codecs::error_code code, std::string sentence) {
    what_->answer(codecs::make_error(code, std::move(sentence)));
  }

 private:
  std::shared_ptr<pending> what_;
};

/// A client that opens a channel: connects to a namespace (Socket.IO), joins a topic (Phoenix) or a room of that name
/// (JSON-RPC), opens an endpoint's connection. A handle, decided once.
class channel_opening {
 public:
  struct pending {
    virtual ~pending() = default;  ///< undecided: answers "internal error"
    virtual const party& who() const noexcept = 0;
    virtual const std::string& channel() const noexcept = 0;
    virtual const codecs::payload_ptr& payload() const noexcept = 0;
    virtual void answer(codecs::outcome what) = 0;
  };
  explicit channel_opening(std::shared_ptr<pending> what) : what_{std::move(what)} {}

  const party& who() const noexcept { return what_->who(); }
  const std::string& channel() const noexcept { return what_->channel(); }
  const codecs::payload_ptr& payload() const noexcept { return what_->payload(); }  ///< null when it said nothing

  void accept() { what_->answer(codecs::result{codecs::results::nothing{}}); }
  /// `reply` is what a Phoenix client's join is answered.
  void accept(codecs::payload_ptr reply) { what_->answer(codecs::result{codecs::results::document{std::move(reply)}}); }
  void refuse(codecs::error why) { what_->answer(std::move(why)); }  ///< Socket.IO: `connect_error`, with why.data

 private:
  std::shared_ptr<pending> what_;
};

class service_control : public behaviour_control {
 public:
  virtual std::size_t instance() const noexcept = 0;  ///< the shard that it serves; 0 where there is one for the node

 protected:
  ~service_control() = default;
};

class service_behaviour {
 public:
  explicit service_behaviour(service_control& node) : node_{node} {}
  virtual ~service_behaviour() = default;
  service_behaviour(const service_behaviour&) = delete;
  service_behaviour& operator=(const service_behaviour&) = delete;

  virtual void on_start() {}
  virtual void on_timer(std::string_view) {}
  /// What a newer build of the service takes over (`plugin reload`); it is not stored.
  virtual std::string snapshot() const { return {}; }
  virtual void restore(std::string_view) {}

 protected:
  service_control& node() const noexcept { return node_; }

 private:
  service_control& node_;
};

enum class repeat : std::uint8_t {
  unsafe,      ///< a call that was lost with its instance or worker is answered with an error
  idempotent,  ///< it is given to another one
};
enum class runs : std::uint8_t { on_shards, detached };
enum class instances : std::uint8_t { one, one_a_shard };

struct service_method {
  codecs::described_method about;  ///< its name as clients call it, `echo.say`, and what rpc.discover says of it
  repeat again = repeat::unsafe;
  std::function<void(service_behaviour&, service_request)> invoke{};
};

/// Channels that a service serves: every event in them comes to it, whatever its name.
struct service_channel {
  std::string pattern;  ///< `/chat`, `game:7`, or with a `*` at its end: `game:*`
  std::function<void(service_behaviour&, channel_opening)> open{};
  std::function<void(service_behaviour&, service_request)> event{};
  std::function<void(service_behaviour&, const party&, const std::string& channel)> closed{};
};

/// A service as data: what it is called, what it answers, within which bounds.
struct service_spec {
  std::string name;
  greenroom::instances instances = greenroom::instances::one;
  greenroom::runs runs = greenroom::runs::on_shards;
  std::uint32_t concurrency_max = 1'024;  ///< requests in work in one instance
  std::uint32_t queue_max = 1'024;        ///< requests that wait for one
  std::chrono::milliseconds time_limit{30'000};
  std::vector<service_method> methods;
  std::vector<service_channel> channels{};
  std::function<std::unique_ptr<service_behaviour>(service_control&)> make;
};

/// Makes a spec out of a class and its member functions.
template <class Service>
class service {
 public:
  explicit service(std::string name) {
    spec_.name = std::move(name);
    spec_.make = [](service_control& node) { return std::make_unique<Service>(node); };
  }

  /// A method whose parameters are a struct with fields(), or a payload_ptr that takes anything.
  template <class Params>
  service&& answers(std::string name, std::string summary, void (Service::*member)(const Params&, service_request),
                    repeat again = repeat::unsafe) && {
    service_method one{.about = {.name = std::move(name), .summary = std::move(summary)}, .again = again};
    if constexpr (codecs::has_fields<Params>) {
      one.about.params = codecs::params_of<Params>();
      one.invoke = [member](service_behaviour& self, service_request request) {
        auto read = codecs::read_fields<Params>(request.params().get());
        if (auto* why = std::get_if<codecs::error>(&read)) return request.refuse(std::move(*why));
        (static_cast<Service&>(self).*member)(std::get<Params>(read), std::move(request));
      };
    } else {
      one.invoke = [member](service_behaviour& self, service_request request) {
        const auto params = request.params();
        (static_cast<Service&>(self).*member)(params, std::move(request));
      };
    }
    spec_.methods.push_back(std::move(one));
    return std::move(*this);
  }
  /// Documents the result of the method that was added last.
  template <codecs::has_fields Result>
  service&& returns() && {
    spec_.methods.back().about.result_schema = codecs::schema_of<Result>();
    return std::move(*this);
  }
  /// The events of channels. `opened` and `closed` may be null: then everybody is let in, and nobody is told.
  service&& serves(std::string pattern, void (Service::*event)(service_request),
                   void (Service::*opened)(channel_opening) = nullptr,
                   void (Service::*closed)(const party&, const std::string&) = nullptr) && {
    service_channel one{.pattern = std::move(pattern)};
    one.event = [event](service_behaviour& self, service_request request) {
      (static_cast<Service&>(self).*event)(std::move(request));
    };
    one.open = [opened](service_behaviour& self, channel_opening who) {
      opened ? (static_cast<Service&>(self).*opened)(std::move(who)) : who.accept();
    };
    one.closed = [closed](service_behaviour& self, const party& who, const std::string& channel) {
      if (closed) (static_cast<Service&>(self).*closed)(who, channel);
    };
    spec_.channels.push_back(std::move(one));
    return std::move(*this);
  }
  service&& with(greenroom::instances how_many) && { return spec_.instances = how_many, std::move(*this); }
  service&& with(greenroom::runs where) && { return spec_.runs = where, std::move(*this); }
  service&& concurrency(std::uint32_t most, std::uint32_t queue_max) && {
    spec_.concurrency_max = most;
    spec_.queue_max = queue_max;
    return std::move(*this);
  }
  service&& time_limit(std::chrono::milliseconds limit) && { return spec_.time_limit = limit, std::move(*this); }

  operator service_spec() && { return std::move(spec_); }  // NOLINT: a builder is what it builds

 private:
  service_spec spec_;
};

}  // namespace greenroom
