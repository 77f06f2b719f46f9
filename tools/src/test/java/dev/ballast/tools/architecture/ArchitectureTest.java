package dev.ballast.tools.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.BitSet;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** The arrows between the modules, and what only one of them may do. */
class ArchitectureTest {
  private static final String FFI = "dev.ballast.ffi..";
  private static final String VMM = "dev.ballast.vmm..";
  private static final String VIRTIO = "dev.ballast.virtio..";
  private static final String MIGRATION = "dev.ballast.migration..";
  private static final String GUEST = "dev.ballast.guest..";
  private static final String TOOLS = "dev.ballast.tools..";

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .withImportOption(ArchitectureTest::isOfNoTest)
          .importPackages("dev.ballast");

  /**
   * Surefire puts modules on the class path as directories, verify as jars; test-jars are neither.
   */
  private static boolean isOfNoTest(Location location) {
    return !location.contains("-tests.jar") && !location.contains("/test-classes/");
  }

  private static void check(ArchRule rule) {
    rule.check(CLASSES);
  }

  @Test
  void everyModuleIsLookedAt() {
    for (String module : new String[] {FFI, VMM, VIRTIO, MIGRATION, GUEST, TOOLS}) {
      DescribedPredicate<JavaClass> ofModule = JavaClass.Predicates.resideInAPackage(module);
      assertThat(CLASSES.that(ofModule).size()).as(module).isGreaterThan(5);
    }
  }

  @Test
  void modulesSeeOnlyThoseBelow() {
    check(
        layeredArchitecture()
            .consideringOnlyDependenciesInAnyPackage("dev.ballast..")
            .layer("native-bindings")
            .definedBy(FFI)
            .layer("vmm-core")
            .definedBy(VMM)
            .layer("virtio")
            .definedBy(VIRTIO)
            .layer("migration")
            .definedBy(MIGRATION)
            .layer("guest-images")
            .definedBy(GUEST)
            .layer("tools")
            .definedBy(TOOLS)
            .whereLayer("tools")
            .mayNotBeAccessedByAnyLayer()
            .whereLayer("guest-images")
            .mayOnlyBeAccessedByLayers("tools")
            .whereLayer("migration")
            .mayOnlyBeAccessedByLayers("tools")
            .whereLayer("virtio")
            .mayOnlyBeAccessedByLayers("tools")
            .whereLayer("vmm-core")
            .mayOnlyBeAccessedByLayers("virtio", "migration", "tools"));
    check(noClasses().that().resideInAPackage(GUEST).should().dependOnClassesThat(ours(GUEST)));
    check(noClasses().that().resideInAPackage(FFI).should().dependOnClassesThat(ours(FFI)));
  }

  private static DescribedPredicate<JavaClass> ours(String butFor) {
    return JavaClass.Predicates.resideInAPackage("dev.ballast..")
        .and(DescribedPredicate.not(JavaClass.Predicates.resideInAPackage(butFor)));
  }

  @Test
  void modulesHaveNoCycles() {
    check(slices().matching("dev.ballast.(*)..").should().beFreeOfCycles());
  }

  @Test
  void packagesOfToolsHaveNoCycles() {
    check(slices().matching(TOOLS.replace("..", ".(*)..")).should().beFreeOfCycles());
  }

  @Test
  void onlyNativeBindingsCallNativeCode() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage(FFI)
            .should()
            .dependOnClassesThat()
            .belongToAnyOf(Linker.class, SymbolLookup.class, MethodHandle.class)
            .orShould(reinterpretSegments()));
  }

  private static ArchCondition<JavaClass> reinterpretSegments() {
    return new ArchCondition<>("call MemorySegment.reinterpret") {
      @Override
      public void check(JavaClass javaClass, ConditionEvents events) {
        for (JavaMethodCall call : javaClass.getMethodCallsFromSelf()) {
          if (call.getTarget().getName().equals("reinterpret")
              && call.getTargetOwner().isAssignableTo(MemorySegment.class)) {
            events.add(SimpleConditionEvent.satisfied(call, call.getDescription()));
          }
        }
      }
    };
  }

  @Test
  void generatedCodeIsHidden() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage(FFI)
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.ballast.ffi.generated.."));
  }

  @Test
  void onlyToolsChooseTheLogger() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage(TOOLS)
            .should()
            .dependOnClassesThat()
            .resideInAPackage("org.slf4j.simple.."));
  }

  @Test
  void bitmapsAreOffHeap() {
    check(noClasses().should().dependOnClassesThat().areAssignableTo(BitSet.class));
  }

  @Test
  void everyPackageIsNullMarked() {
    for (JavaClass javaClass : CLASSES) {
      if (!javaClass.getPackageName().startsWith("dev.ballast.ffi.generated")) {
        assertThat(javaClass.getPackage().isAnnotatedWith(NullMarked.class))
            .as(javaClass.getPackageName())
            .isTrue();
      }
    }
  }
}
