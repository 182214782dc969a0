#pragma once

namespace lorae::data {

/// The two halves in which every data set comes; `val` folders count as kTest.
enum class Split { kTrain, kTest };

/// What a folder is to hold.
enum class Holding {
  kWhole,  ///< a run's data set: at least two classes, images of each
  kPart,   ///< what one client has: some of the classes
};

}  // namespace lorae::data
