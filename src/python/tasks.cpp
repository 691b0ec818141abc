// Every asyncio task of the process, from the sets in which asyncio itself keeps them
// (Lib/asyncio/tasks.py: _all_tasks up to 3.11, _scheduled_tasks and _eager_tasks from 3.12 on).
#include <algorithm>
#include <iterator>
#include <system_error>
#include <thread>

#include "python/process.hpp"

namespace hangspy::python {
namespace {

// So many that two threads pay: to start one takes as long as to read some hundred tasks.
constexpr std::size_t kVeryMany = 4096;

// Runs both, `one` on a thread of its own if there can be one.
template <class One, class Other>
void side_by_side(const One& one, const Other& other) {
  std::jthread thread;
  try {
    thread = std::jthread(one);
  } catch (const std::system_error&) {
    one();
  }
  other();
}

}  // namespace

bool Process::is_task(Address object) const {
  return objects_.is_instance(object, landmarks_.type(TypeMark::kTask));
}

bool Process::is_future(Address object) const {
  return objects_.is_instance(object, landmarks_.type(TypeMark::kFuture)) || is_task(object);
}

Result<snapshot::FutureState> Process::future_state(Address future) const {
  HANGSPY_TRY(state, objects_.value<std::uint32_t>(future + objects_.layout().future.state));
  if (state > 2) return fail(Failure::kImplausible, "no future lies at " + to_hex(future));
  return static_cast<snapshot::FutureState>(state);
}

Result<Items> Process::task_objects() const {
  Items all;
  for (const auto* name : {"_all_tasks", "_scheduled_tasks"}) {
    const auto found = landmarks_.global(objects_, "asyncio.tasks", name);
    if (!found) continue;
    HANGSPY_TRY(tasks, objects_.weak_set(*found));
    all.insert(all.end(), tasks.begin(), tasks.end());
  }
  if (const auto eager = landmarks_.global(objects_, "asyncio.tasks", "_eager_tasks")) {
    HANGSPY_TRY(tasks, objects_.set(*eager));
    all.insert(all.end(), tasks.begin(), tasks.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

Result<snapshot::Task> Process::read_task(Address object) const {
  const auto& layout = objects_.layout();
  snapshot::Task task;
  task.object = object;
  HANGSPY_TRY(state, future_state(object));
  task.state = state;
  HANGSPY_TRY(loop, objects_.pointer(object + layout.future.loop));
  HANGSPY_TRY(waits_for, objects_.pointer(object + layout.task.waits_for));
  HANGSPY_TRY(coroutine, objects_.pointer(object + layout.task.coroutine));
  task.loop = loop;
  if (waits_for && !objects_.is_none(waits_for)) task.waits_for = waits_for;
  if (coroutine && state == snapshot::FutureState::kPending) {
    HANGSPY_TRY(chain, await_chain(objects_, frames_, coroutine));
    task.chain = std::move(chain);
  }
  task.running = is_running(object);
  if (task.running) continue_on_thread(task.chain);
  task.chain.shrink_to_fit();
  task.is_request = std::any_of(task.chain.begin(), task.chain.end(), [&](const auto& link) {
    return link.frame && landmarks_.of((*link.frame)->code) == Mark::kRequest;
  });
  return task;
}

// What others may change, too, and which decides nothing.
void Process::read_label(snapshot::Task& task) const {
  task.name = task_name(task.object).value_or(Text{});
  task.cancels_requested =
      objects_.value<std::int32_t>(task.object + objects_.layout().task.cancels_requested)
          .value_or(0);
}

Result<bool> Process::has_callbacks(Address task) const {
  const auto& field = objects_.layout().future;
  HANGSPY_TRY(first, objects_.pointer(task + field.callback));
  if (first && !objects_.is_none(first)) return true;
  HANGSPY_TRY(list, objects_.pointer(task + field.callbacks));
  return list && !objects_.is_none(list);
}

// The fields that read_task reads and the await chain are bytes that only a task's own steps
// change.
void Process::add_task(Address object) {
  const auto begin = moment();
  Result<snapshot::Task> task = snapshot::Task{};
  const bool moves = read_what(true, [&] { task = read_task(object); });
  if (fresh_since(begin)) fresh_tasks_.insert(object.value);
  if (!task && !moves) {
    missing_.push_back("the task at " + to_hex(object) + ": " + task.error().what);
    return;
  }
  if (!task) task = snapshot::Task{.object = object};
  task->moves = moves;
  bool may_call_back = true;
  const bool torn = read_what(true, [&] {
    read_label(*task);
    may_call_back = has_callbacks(object).value_or(true);
  });
  tasks_.push_back(std::move(*task));
  may_call_back_.push_back(may_call_back || torn);
}

void Process::read_some(std::span<const Address> objects) {
  const auto begin = moment();
  objects_.expect(objects);
  Items tasks(objects.begin(), objects.end());
  // None is none, and a task type written in Python has no such fields.
  std::erase_if(tasks, [this](Address each) { return !is_task(each); });
  const auto& field = objects_.layout().task;
  for (const auto part : {field.coroutine, field.waits_for, field.name}) {
    objects_.expect_behind(tasks, part);
  }
  explain(begin);  // hints; and what is a task before and after was not torn
  for (const auto object : tasks) add_task(object);
}

// A task that is pending and of the bytes that it was of before has not gone.
bool Process::is_lost(Address task, const Items& found) const {
  if (std::binary_search(found.begin(), found.end(), task)) return false;
  const auto begin = moment();
  const bool is_pending = is_task(task) && future_state(task) == snapshot::FutureState::kPending;
  return is_pending && !fresh_since(begin);
}

// The sets may be torn, where tasks come and go, if none that stays is lost for that.
Result<Items> Process::find_tasks(const Items& known) {
  const auto begin = moment();
  HANGSPY_TRY(all, task_objects());
  const auto lost = static_cast<std::size_t>(
      std::count_if(known.begin(), known.end(), [&](Address each) { return is_lost(each, all); }));
  if (lost != 0) missing_.emplace_back("tasks that were there just before");
  if (lost == 0 && !known.empty()) explain(begin);
  return std::move(all);
}

// Where the loops turn, which task each runs just then is anybody's guess.
Result<void> Process::read_running_tasks() {
  const auto current = landmarks_.global(objects_, "asyncio.tasks", "_current_tasks");
  if (!current) return {};
  const bool turn = std::all_of(threads_.begin(), threads_.end(), [](const auto& each) {
    return each.kernel.ran || !each.running_loop;
  });
  Result<std::vector<Entry>> entries;
  const bool torn = read_what(turn, [&] { entries = objects_.dict(*current); });
  if (!entries && !torn) return tl::unexpected(entries.error());
  for (const auto& entry : entries.value_or(std::vector<Entry>{})) {
    running_tasks_.emplace(entry.second.value, true);
  }
  return {};
}

Result<void> Process::read_tasks(const Items& known) {
  HANGSPY_TRY(all, find_tasks(known));
  HANGSPY_CHECK(read_running_tasks());
  tasks_.reserve(all.size());
  const auto other = all.size() >= kVeryMany ? partner() : std::nullopt;
  if (other) {
    read_halves(all, *other);
  } else {
    read_all(all);
  }
  return {};
}

void Process::read_all(std::span<const Address> objects) {
  for (std::size_t i = 0; i < objects.size(); i += Objects::kAtATime) {
    read_some(Objects::some_of(objects, i));
  }
}

void Process::read_halves(std::span<const Address> objects, const Partner& partner) {
  const auto half = objects.size() / 2;
  auto& other = *partner.process;
  other.tasks_.reserve(objects.size() - half);
  side_by_side([&] { other.read_all(objects.subspan(half)); },
               [&] { read_all(objects.first(half)); });
  objects_.memory().take_in(*partner.memory);
  std::move(other.tasks_.begin(), other.tasks_.end(), std::back_inserter(tasks_));
  may_call_back_.insert(may_call_back_.end(), other.may_call_back_.begin(),
                        other.may_call_back_.end());
  missing_.insert(missing_.end(), other.missing_.begin(), other.missing_.end());
}

std::optional<Process::Partner> Process::partner() const {
  auto memory = objects_.memory().beside();
  if (!memory) return std::nullopt;
  auto other = std::make_unique<Process>(*memory, objects_.build());
  other->know(landmarks_);
  other->threads_ = threads_;
  other->running_tasks_ = running_tasks_;
  return Partner{std::move(memory), std::move(other)};
}

Result<Text> Process::task_name(Address object) const {
  HANGSPY_TRY(name, objects_.pointer(object + objects_.layout().task.name));
  HANGSPY_TRY(is_number, objects_.is_kind(name, Kind::kLong));
  if (!is_number) return objects_.text(name);
  HANGSPY_TRY(number, objects_.integer(name));  // 3.12 and later make the name when it is asked for
  return Text::of_target("Task-" + std::to_string(number));
}

// A coroutine that runs has no await to follow: what it has called stands on the thread, in the
// frames inside its own.
void Process::continue_on_thread(std::vector<snapshot::AwaitLink>& chain) const {
  if (chain.empty() || !chain.back().frame) return;
  for (const auto& thread : threads_) {
    const auto own =
        std::find_if(thread.frames.begin(), thread.frames.end(),
                     [&](const auto& each) { return each.address == chain.back().frame->frame; });
    if (own == thread.frames.end()) continue;
    for (auto frame = own; frame != thread.frames.begin();) {
      --frame;
      chain.push_back({Text::of_target("frame"), frame->address, frames_.fact(*frame)});
    }
    return;
  }
}

}  // namespace hangspy::python
