# cmake --install, and find_package(lorae) for projects that build on the libraries.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(lorae_libraries GLOBAL PROPERTY LORAE_LIBRARIES)
get_property(lorae_programs GLOBAL PROPERTY LORAE_PROGRAMS)
install(TARGETS ${lorae_libraries} EXPORT loraeTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(lorae_programs)
  install(TARGETS ${lorae_programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
foreach(folder base wire codec runs report transport tensors data ops adapters models aggregation tasks
               training client coordinator experiment simulation)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder}
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lorae FILES_MATCHING PATTERN "*.h")
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs DESTINATION ${CMAKE_INSTALL_DATADIR}/lorae)
install(FILES ${PROJECT_SOURCE_DIR}/docs/installing.md DESTINATION ${CMAKE_INSTALL_DATADIR}/lorae)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lorae)
install(EXPORT loraeTargets NAMESPACE lorae:: DESTINATION ${package_dir})
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/loraeConfig.cmake.in ${PROJECT_BINARY_DIR}/loraeConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/loraeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/LoraeOpenCV.cmake
              ${PROJECT_SOURCE_DIR}/cmake/LoraeTorchRpath.cmake
              ${PROJECT_BINARY_DIR}/loraeConfig.cmake
              ${PROJECT_BINARY_DIR}/loraeConfigVersion.cmake
        DESTINATION ${package_dir})
