#include "actors/certificates.hpp"

#include <chrono>
#include <string>

#include "actors/audit_trail.hpp"
#include "actors/context.hpp"
#include "runtime/log.hpp"
#include "runtime/tls.hpp"

namespace greenroom::certificates {
namespace {

using namespace std::chrono_literals;

struct look {};   ///< To itself: have the files changed?
struct renew {};  ///< To itself: a day is over.

constexpr auto between_renewals = 24h;
constexpr std::chrono::days warn_before{14};

}  // namespace
}  // namespace greenroom::certificates

GREENROOM_MESSAGE(greenroom::certificates::look)
GREENROOM_MESSAGE(greenroom::certificates::renew)

namespace greenroom::certificates {

struct state {
  static inline const char* name = "certificates";
  state(runtime::actor_base* s, const options& o)
      : self{s}, ctx{o.ctx}, tls{*o.ctx.tls}, between_looks{tls.config().reload_interval_ms} {}

  caf::behavior start() {
    if (between_looks != 0ms) self->later(between_looks, look{});
    self->later(between_renewals, renew{});
    if (self->life() == 0) tell_when_it_ends();
    return {
        [this](const reload&) { read(); },
        [this](const look&) {
          self->later(between_looks, look{});
          if (tls.is_stale()) read();
        },
        [this](const renew&) {
          self->later(between_renewals, renew{});
          read();
          tell_when_it_ends();
        },
    };
  }

  void read() {
    const auto why = tls.reload();
    const auto now = tls.certificate();
    audit_trail::certificate(ctx, now.fingerprint, why.value_or(""));
    if (why) return runtime::log::error("the new certificate is not used, the old one stays", {{"reason", *why}});
    runtime::log::info("new connections get this certificate",
                       {{"subject", now.subject}, {"sha256", now.fingerprint}, {"days_left", days_left()}});
  }
  void tell_when_it_ends() const {
    if (const auto days = days_left(); days < warn_before.count())
      runtime::log::warn("the certificate expires soon, or has expired",
                         {{"file", tls.config().certificate}, {"days_left", days}});
  }
  std::int64_t days_left() const {
    return std::chrono::floor<std::chrono::days>(tls.certificate().not_after - std::chrono::system_clock::now())
        .count();
  }

  runtime::actor_base* self;
  context& ctx;
  runtime::tls_context& tls;
  std::chrono::milliseconds between_looks;
};

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn_detached<state>(where, opts); }

}  // namespace greenroom::certificates
