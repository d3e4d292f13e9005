/// SUPERVISION is a supervisor's head: it compares what its children are with what they ought to be, and says the one next
/// step. Events only change states and wishes; next() does the rest, so that a crash during a start, a stop or another
/// crash's restart needs no case of its own. Knows children by their number, no actor and no clock: time is passed in.
///
///   a child:  absent ─spawn─▶ starting ─started─▶ up ─failed─▶ waiting ─(back-off) restart─▶ starting …
///                                                 up ─suspend─▶ suspending ─▶ waiting            (a sibling failed)
///                              any of them ──stop──▶ stopping ─ended (or killed after its time)─▶ absent
///
///   the whole: running ─hold(), or over a limit─▶ holding ─all without State─▶ held ─begin()─▶ running
///              any of them ─end(), or over a root's limit─▶ ending
///
/// Order: a child starts only when those before it are up, at first and when siblings are restarted with it; one that is
/// restarted alone waits for nobody. Children are dropped and stopped one at a time, the last started first.
/// Bounds: the children of the spec.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "runtime/child_spec.hpp"

namespace greenroom::runtime {

enum class child_state : std::uint8_t { absent, starting, up, waiting, suspending, stopping };
const char* to_string(child_state state) noexcept;

class supervision {
 public:
  using time_point = restart_record::time_point;
  using duration = std::chrono::nanoseconds;
  enum class rank : std::uint8_t { root, branch };

  /// What the supervisor does next. `alarm` and `after` come with suspend, stop and wait: call rung() with the number then.
  struct step {
    enum class verb : std::uint8_t {
      none,         ///< nothing before the next event
      spawn,        ///< make the child; if that fails, not_started()
      restart,      ///< tell it to build its State anew
      suspend,      ///< tell it to drop its State
      stop,         ///< send it an exit
      wait,         ///< its back-off begins
      say_started,  ///< all children are up, for the first time in this life
      say_held,     ///< all States are dropped
      quit,         ///< all children have ended
    };
    verb what = verb::none;
    std::size_t child = 0;
    std::uint64_t alarm = 0;
    duration after{};
  };

  struct child {
    explicit child(const child_spec& s) : spec{&s}, record{s.limit} {}

    const child_spec* spec;
    child_state state = child_state::absent;
    std::uint32_t restarts = 0;
    std::string last_error;

   private:
    friend class supervision;
    bool down() const noexcept { return state == child_state::absent || state == child_state::waiting; }

    restart_record record;
    bool wanted = true;    ///< ought to be up
    bool in_order = true;  ///< not before its predecessors
    bool drop = false;     ///< must lose its State before anything starts
    time_point started_at{}, ready_at{};
    duration back_off{};  ///< to be waited for, and not yet said
    std::uint64_t alarm = 0;
  };

  /// `spec` outlives this.
  supervision(const supervisor_spec& spec, rank where);

  step next(time_point now);

  // --- what the parent wants ---
  void begin();  ///< a new life: every child wanted, in order, with clean records
  void hold();   ///< drop every State, in reverse
  void end();    ///< stop every child, in reverse
  bool held() const noexcept { return mode_ == mode::held; }

  // --- what the children do ---
  void started(std::size_t who);
  void suspended(std::size_t who);
  void failed(std::size_t who, const std::string& why, time_point now);
  void not_started(std::size_t who, const std::string& why, time_point now);
  void ended(std::size_t who, ending how, const std::string& why, time_point now);
  /// True: the child's shutdown time is over, kill it.
  bool rung(std::size_t who, std::uint64_t alarm);

  const std::vector<child>& children() const noexcept { return children_; }
  /// Which child was over its limit and why; empty while none is.
  const std::string& gave_up() const noexcept { return gave_up_; }

 private:
  enum class mode : std::uint8_t { running, holding, held, ending };

  step next_stop();
  std::optional<step> next_drop();
  step next_start(time_point now);
  step bring_down(std::size_t who, child_state by, step::verb what);
  void restart_after(std::size_t who, const std::string& why, time_point now);
  void restart_with_siblings(std::size_t failed);
  void give_up(const child& c);

  const supervisor_spec& spec_;
  rank rank_;
  std::minstd_rand random_;
  std::vector<child> children_;
  std::optional<restart_record> together_;
  mode mode_ = mode::running;
  bool said_started_ = false;
  std::string gave_up_;
  std::uint64_t alarms_ = 0;
};

}  // namespace greenroom::runtime
